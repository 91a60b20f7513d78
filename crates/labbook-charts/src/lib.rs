//! Figures: curves, matrices, image grids, drawn with plotters and an embedded font.
