//! Codefresh: runtimes and git contexts that clone with a token.
