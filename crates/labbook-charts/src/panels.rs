use crate::draw::render_reduced;
use crate::encode::decode;
use crate::ink::Pen;
use crate::{ChartError, Figure, SCALE};

/// Puts finished figures of any kind beside and below one another, `columns` per row, as one.
///
/// ```
/// use labbook_charts::{BarChart, LineChart, panels};
///
/// let loss = LineChart::new("Loss").series("a", &[2.0, 1.0]).figure()?;
/// let images = BarChart::new("Images").bar("cat", 10.0).figure()?;
/// let both = panels(&[&loss, &images], 2)?;
/// assert_eq!(both.width(), loss.width() + images.width());
/// # Ok::<(), labbook_charts::ChartError>(())
/// ```
///
/// # Errors
///
/// [`ChartError::Empty`] without figures, [`ChartError::Size`] if they are too large together.
pub fn panels(figures: &[&Figure], columns: usize) -> Result<Figure, ChartError> {
    if figures.is_empty() {
        return Err(ChartError::Empty { what: "figure" });
    }
    let columns = columns.clamp(1, figures.len());
    let widest = |column: usize| {
        let of_column = figures.iter().skip(column).step_by(columns);
        of_column.map(|figure| figure.width()).max().unwrap_or(0)
    };
    let widths: Vec<u32> = (0..columns).map(widest).collect();
    let heights: Vec<u32> = figures
        .chunks(columns)
        .map(|row| row.iter().map(|figure| figure.height()).max().unwrap_or(0))
        .collect();
    let total = |sides: &[u32]| sides.iter().copied().fold(0, u32::saturating_add);
    let (width, height) = (total(&widths), total(&heights));
    let png = render_reduced(width, height, |canvas| {
        let pen = Pen::new(canvas);
        for (index, figure) in figures.iter().enumerate() {
            let (row, column) = (index / columns, index % columns);
            let corner = (
                f64::from(total(&widths[..column])),
                f64::from(total(&heights[..row])),
            );
            let size = (figure.width() * SCALE, figure.height() * SCALE);
            let rgb = decode(figure.png())?;
            pen.picture(corner, (size.0 as usize, size.1 as usize), rgb)?;
        }
        Ok(())
    })?;
    let titles: Vec<&str> = figures
        .iter()
        .map(|figure| figure.title())
        .filter(|title| !title.is_empty())
        .collect();
    let alts: Vec<&str> = figures.iter().map(|figure| figure.alt()).collect();
    let figure = Figure::new(png, width, height, titles.join(", "), alts.join(". "));
    let photographs = figures.iter().any(|figure| figure.has_photographs());
    Ok(figure.with_notes_of(figures).with_photographs(photographs))
}
