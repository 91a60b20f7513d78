//! How values look in a notebook: tables, figures, frames, as HTML, PNG and plain text.
