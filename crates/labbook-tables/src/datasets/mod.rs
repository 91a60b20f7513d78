//! Tables and labelled texts known by name, one module each.
//!
//! Each has a `load_data` that reads the files where they are found and generates a stand-in of the
//! same columns or classes where they are not; what it gives says which it was.

pub mod ag_news;
pub mod california_housing;
pub mod diamonds;
mod files;
mod grammar;
pub mod imdb;
pub mod penguins;
pub mod reuters;
mod table_set;

pub use table_set::TableSet;
