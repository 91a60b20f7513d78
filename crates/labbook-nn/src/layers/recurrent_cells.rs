use super::kernel_options::kernel_options;
use super::recurrent::Settings;
use super::recurrent_options::{cell_options, gru_options, lstm_options};
use super::{GRU, LSTM, SimpleRNN};

macro_rules! cells {
    ($($(#[$doc:meta])* $cell:ident of $layer:ident $(with $options:ident)?;)+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $cell {
            settings: Settings,
        }

        impl $cell {
            /// A cell with so many units and Keras's defaults.
            #[must_use]
            pub fn new(units: i64) -> Self {
                Self {
                    settings: $layer::new(units).into_settings(),
                }
            }

            $($options!();)?
            cell_options!();
            kernel_options!(settings.kernel);
        }

        impl From<$cell> for RecurrentCell {
            fn from(cell: $cell) -> Self {
                Self(cell.settings)
            }
        }

        impl From<$cell> for StackedRNNCells {
            fn from(cell: $cell) -> Self {
                Self(vec![cell.settings])
            }
        }
    )+};
}

cells! {
    /// What [`SimpleRNN`] does at one step, for an [`RNN`](super::RNN) of several cells.
    ///
    /// ```
    /// use labbook_nn::{RNN, SimpleRNNCell};
    ///
    /// let two = RNN::new([SimpleRNNCell::new(8), SimpleRNNCell::new(4)]);
    /// ```
    SimpleRNNCell of SimpleRNN;
    /// What [`LSTM`] does at one step, for an [`RNN`](super::RNN) of several cells.
    ///
    /// ```
    /// use labbook_nn::{LSTMCell, RNN};
    ///
    /// let two = RNN::new([LSTMCell::new(8).dropout(0.2), LSTMCell::new(4)]);
    /// ```
    LSTMCell of LSTM with lstm_options;
    /// What [`GRU`] does at one step, for an [`RNN`](super::RNN) of several cells.
    ///
    /// ```
    /// use labbook_nn::{GRUCell, RNN};
    ///
    /// let two = RNN::new([GRUCell::new(8).reset_after(false), GRUCell::new(4)]);
    /// ```
    GRUCell of GRU with gru_options;
}

/// A cell of any kind, made from [`SimpleRNNCell`], [`LSTMCell`] or [`GRUCell`].
///
/// ```
/// use labbook_nn::{GRUCell, LSTMCell, RNN, RecurrentCell};
///
/// let cells = vec![RecurrentCell::from(LSTMCell::new(8)), GRUCell::new(4).into()];
/// let mixed = RNN::new(cells);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct RecurrentCell(Settings);

/// One cell, or several of which each takes what the one before it puts out: what [`RNN`](super::RNN)
/// makes of an array, a vector or a tuple of cells.
///
/// ```
/// use labbook_nn::{GRUCell, LSTMCell, RNN, StackedRNNCells};
///
/// let cells = StackedRNNCells::new((LSTMCell::new(8), GRUCell::new(4)));
/// let mixed = RNN::new(cells).return_sequences(true);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct StackedRNNCells(pub(super) Vec<Settings>);

impl StackedRNNCells {
    /// These cells, one on top of the other.
    #[must_use]
    pub fn new(cells: impl Into<Self>) -> Self {
        cells.into()
    }
}

impl<C: Into<RecurrentCell>> From<Vec<C>> for StackedRNNCells {
    fn from(cells: Vec<C>) -> Self {
        Self(cells.into_iter().map(|cell| cell.into().0).collect())
    }
}

impl<C: Into<RecurrentCell>, const N: usize> From<[C; N]> for StackedRNNCells {
    fn from(cells: [C; N]) -> Self {
        Self::from(Vec::from(cells))
    }
}

impl<A: Into<RecurrentCell>, B: Into<RecurrentCell>> From<(A, B)> for StackedRNNCells {
    fn from((first, second): (A, B)) -> Self {
        Self::from([first.into(), second.into()])
    }
}

impl<A, B, C> From<(A, B, C)> for StackedRNNCells
where
    A: Into<RecurrentCell>,
    B: Into<RecurrentCell>,
    C: Into<RecurrentCell>,
{
    fn from((first, second, third): (A, B, C)) -> Self {
        Self::from([first.into(), second.into(), third.into()])
    }
}
