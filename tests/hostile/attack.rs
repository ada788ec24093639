//! One attack: a forged answer with a name.

use tokenturn::testing::Forgery;

/// What is done to a request, by whatever name it is told.
#[derive(Clone, Debug)]
pub(crate) struct Attack {
    pub(crate) name: String,
    pub(crate) forgery: Forgery,
}

impl Attack {
    pub(crate) fn new(name: impl Into<String>, forgery: Forgery) -> Self {
        Self { name: name.into(), forgery }
    }

    /// The same, that has met nobody yet.
    pub(crate) fn anew(&self) -> Self {
        Self { name: self.name.clone(), forgery: self.forgery.anew() }
    }
}
