//! Hears what is said, and searches it for secrets: one search for the laws and for the tests of this crate.
//!
//! ```
//! use tokenturn::testing::leak::{Ears, Search};
//!
//! let ears = Ears::new();
//! ears.hear("an error", "bad token: 67 68 70 5f 46 41 4b 45 6f 66 4d 69 6e 65 31");
//! let search = Search::of(["ghp_FAKEofMine1"]);
//! assert_eq!(search.among(&ears), ["an error"]);
//! ```

mod ears;
mod search;

pub use ears::{Ears, Listening};
pub use search::Search;
