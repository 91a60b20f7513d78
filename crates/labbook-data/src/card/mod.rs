//! What a data set holds, at a glance.

mod data_card;
mod frames;
mod images;
mod repeats;
mod texts;

pub use data_card::{CardTable, DataCard, HasCard, data_card};
