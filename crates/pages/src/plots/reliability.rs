//! How often a model is right, by how sure it says that it is.

use maud::Markup;
use plotters::chart::ChartBuilder;
use plotters::element::{Circle, PathElement};
use plotters::series::LineSeries;
use plotters::style::Color as _;

use super::canvas::{GRID, INK, NOISE, NOW, PlotSize, THEN, figure, letters};

/// The predictions of one range of confidences.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CalibrationPoint {
    /// Their mean confidence, 0 to 1.
    pub confidence: f64,
    /// The share that was right.
    pub accuracy: f64,
    /// The range in which the share would lie in 95 of 100 cases if the confidence were true.
    pub noise: (f64, f64),
}

/// Accuracy over confidence. On the diagonal, a confidence is what it says.
#[must_use]
pub fn calibration_plot(caption: &str, points: &[CalibrationPoint]) -> Markup {
    figure(caption, PlotSize { width: 420, height: 320 }, |canvas| {
        let mut chart = ChartBuilder::on(canvas)
            .margin(10)
            .margin_right(36)
            .x_label_area_size(44)
            .y_label_area_size(60)
            .build_cartesian_2d(0.0..1.0, 0.0..1.0)?;
        let percent = |share: &f64| format!("{:.0} %", share * 100.0);
        chart
            .configure_mesh()
            .light_line_style(GRID.mix(0.0))
            .bold_line_style(GRID)
            .axis_style(GRID)
            .label_style(letters(&INK))
            .axis_desc_style(letters(&INK))
            .x_desc("says")
            .y_desc("was right")
            .x_labels(5)
            .y_labels(5)
            .x_label_formatter(&percent)
            .y_label_formatter(&percent)
            .draw()?;
        chart.draw_series([PathElement::new([(0.0, 0.0), (1.0, 1.0)], THEN.stroke_width(1))])?;
        chart.draw_series(points.iter().map(|point| {
            let (low, high) = point.noise;
            PathElement::new([(point.confidence, low), (point.confidence, high)], NOISE.mix(0.6).stroke_width(8))
        }))?;
        let line = || points.iter().map(|point| (point.confidence, point.accuracy));
        chart.draw_series(LineSeries::new(line(), NOW.stroke_width(2)))?;
        chart.draw_series(line().map(|at| Circle::new(at, 4, NOW.filled())))?;
        Ok(())
    })
}
