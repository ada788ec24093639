//! Every provider is held to the laws of providers, and each law finds a provider that breaks it.

mod broken;
mod flaws;
mod laws;
