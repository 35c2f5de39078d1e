//! Two distributions in the same bins.

use maud::Markup;
use plotters::chart::ChartBuilder;
use plotters::element::{Rectangle, Text};
use plotters::style::Color as _;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::canvas::{GRID, INK, NOW, PlotSize, THEN, figure, letters};
use crate::short;

/// The most characters of a bin's name.
const NAME: usize = 14;
/// The most bins that are drawn; the rest would be thinner than their names.
const MOST: usize = 24;

/// A bin.
#[derive(Clone, Debug, PartialEq)]
pub struct PlotBin {
    /// The values that it holds.
    pub name: String,
    /// The share of the reference, 0 to 1.
    pub reference: f64,
    /// The share of now.
    pub current: f64,
}

/// Two distributions in the same bins: the reference behind, now in front.
#[derive(Clone, Debug, PartialEq)]
pub struct BinPlot {
    /// What is to be seen, in a sentence.
    pub caption: String,
    /// The bins, in their order.
    pub bins: Vec<PlotBin>,
}

impl BinPlot {
    /// The plot.
    #[must_use]
    pub fn markup(&self) -> Markup {
        let bins = self.bins.get(..MOST).unwrap_or(&self.bins);
        let highest = bins.iter().flat_map(|bin| [bin.reference, bin.current]).fold(0.0, f64::max);
        let width = bins.len().max(1) as f64;
        figure(&self.caption, PlotSize { width: 640, height: 220 }, |canvas| {
            let mut chart = ChartBuilder::on(canvas)
                .margin(10)
                .x_label_area_size(66)
                .y_label_area_size(52)
                .build_cartesian_2d(0.0..width, 0.0..(highest * 1.1).max(0.01))?;
            chart
                .configure_mesh()
                .disable_x_mesh()
                .disable_x_axis()
                .light_line_style(GRID.mix(0.0))
                .bold_line_style(GRID)
                .axis_style(GRID)
                .label_style(letters(&INK))
                .y_labels(3)
                .y_label_formatter(&|share| format!("{:.0} %", share * 100.0))
                .draw()?;
            let place = |number: usize| number as f64;
            chart.draw_series(bins.iter().enumerate().map(|(number, bin)| {
                let corners = [(place(number) + 0.08, 0.0), (place(number) + 0.92, bin.reference)];
                Rectangle::new(corners, THEN.mix(0.55).filled())
            }))?;
            chart.draw_series(bins.iter().enumerate().map(|(number, bin)| {
                let corners = [(place(number) + 0.28, 0.0), (place(number) + 0.72, bin.current)];
                Rectangle::new(corners, NOW.filled())
            }))?;
            // Names stand one below the other in two rows, so that neighbours do not run into each other.
            let style = letters(&INK).pos(Pos::new(HPos::Center, VPos::Top));
            for (number, bin) in bins.iter().enumerate() {
                let (x, y) = chart.backend_coord(&(place(number) + 0.5, 0.0));
                let row = if bins.len() > 5 { number % 3 } else { 0 };
                canvas.draw(&Text::new(short(&bin.name, NAME), (x, y + 6 + row as i32 * 18), style.clone()))?;
            }
            Ok(())
        })
    }
}
