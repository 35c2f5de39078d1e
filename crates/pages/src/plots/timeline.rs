//! A value over time.

use maud::Markup;
use plotters::chart::ChartBuilder;
use plotters::element::{Circle, PathElement, Rectangle, Text};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color as _, RGBColor};

use super::canvas::{GRID, INK, NOISE, NOW, PlotSize, THEN, figure, letters};
use crate::decimals;

/// The value of one interval.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TimePoint {
    /// When the interval begins, in words that stand below the plot.
    pub at: String,
    /// The value; nothing where nothing is known.
    pub value: Option<f64>,
    /// The range that noise explains.
    pub noise: Option<(f64, f64)>,
    /// What the value is compared with.
    pub other: Option<f64>,
}

/// A value over time, with what noise explains behind it.
#[derive(Clone, Debug, PartialEq)]
pub struct TimePlot {
    /// What is to be seen, in a sentence.
    pub caption: String,
    /// The intervals, the oldest first.
    pub points: Vec<TimePoint>,
    /// The values are shares, 0 to 1.
    pub are_shares: bool,
}

impl TimePlot {
    /// The plot.
    #[must_use]
    pub fn markup(&self) -> Markup {
        let known = self.points.iter().flat_map(|point| {
            [point.value, point.other, point.noise.map(|(low, _)| low), point.noise.map(|(_, high)| high)]
        });
        let (lowest, highest) =
            known.flatten().fold((f64::MAX, 0.0_f64), |(low, high), value| (low.min(value), high.max(value)));
        // Shares are drawn from where something is, for the axis says where that is; other values from zero on.
        let bottom = if self.are_shares && lowest < 1.0 { (lowest * 20.0 - 0.5).floor().max(0.0) / 20.0 } else { 0.0 };
        let top = if self.are_shares { 1.0 } else { (highest * 1.1).max(1e-9) };
        let width = self.points.len().max(1) as f64;
        figure(&self.caption, PlotSize { width: 640, height: 220 }, |canvas| {
            let mut chart = ChartBuilder::on(canvas)
                .margin(10)
                .x_label_area_size(26)
                .y_label_area_size(56)
                .build_cartesian_2d(0.0..width, bottom..top)?;
            let label =
                |value: &f64| if self.are_shares { format!("{:.0} %", value * 100.0) } else { decimals(*value) };
            chart
                .configure_mesh()
                .disable_x_mesh()
                .disable_x_axis()
                .light_line_style(GRID.mix(0.0))
                .bold_line_style(GRID)
                .axis_style(GRID)
                .label_style(letters(&INK))
                .y_labels(4)
                .y_label_formatter(&label)
                .draw()?;
            chart.draw_series(self.points.iter().enumerate().filter_map(|(number, point)| {
                let (low, high) = point.noise?;
                Some(Rectangle::new([(number as f64, low), (number as f64 + 1.0, high)], NOISE.mix(0.35).filled()))
            }))?;
            for (value, colour) in [(Values::Other, THEN), (Values::Own, NOW)] {
                chart.draw_series(self.lines(value, colour))?;
            }
            chart.draw_series(
                self.points
                    .iter()
                    .enumerate()
                    .filter_map(|(number, point)| Some(Circle::new((middle(number), point.value?), 3, NOW.filled()))),
            )?;
            for (number, place) in self.told() {
                let style = letters(&INK).pos(Pos::new(place, VPos::Top));
                let (x, y) = chart.backend_coord(&(middle(number), bottom));
                canvas.draw(&Text::new(self.points[number].at.clone(), (x, y + 6), style))?;
            }
            Ok(())
        })
    }

    /// Lines between neighbours that both have a value.
    fn lines(&self, values: Values, colour: RGBColor) -> impl Iterator<Item = PathElement<(f64, f64)>> {
        let of = move |point: &TimePoint| match values {
            Values::Own => point.value,
            Values::Other => point.other,
        };
        self.points.windows(2).enumerate().filter_map(move |(number, pair)| {
            let ends = [(middle(number), of(&pair[0])?), (middle(number + 1), of(&pair[1])?)];
            Some(PathElement::new(ends, colour.stroke_width(2)))
        })
    }

    /// The points whose time is told, and on which side of it the text stands.
    fn told(&self) -> Vec<(usize, HPos)> {
        match self.points.len() {
            0 => Vec::new(),
            1 => vec![(0, HPos::Center)],
            2 => vec![(0, HPos::Left), (1, HPos::Right)],
            count => vec![(0, HPos::Left), (count / 2, HPos::Center), (count - 1, HPos::Right)],
        }
    }
}

/// Which values a line connects.
#[derive(Clone, Copy)]
enum Values {
    Own,
    Other,
}

/// The middle of an interval.
fn middle(number: usize) -> f64 {
    number as f64 + 0.5
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_of_points_is_drawn() {
        for count in [0, 1, 2, 3, 24, 168] {
            for are_shares in [true, false] {
                let point = |number: usize| TimePoint {
                    at: format!("{number} <&"),
                    value: (!number.is_multiple_of(3)).then_some(0.5),
                    noise: (!number.is_multiple_of(2)).then_some((0.4, 0.6)),
                    other: None,
                };
                let plot = TimePlot { caption: "a".to_owned(), points: (0..count).map(point).collect(), are_shares };
                let drawn = plot.markup().into_string();
                assert!(drawn.contains("<svg") && !drawn.contains("<&"), "{drawn}");
                assert_eq!(
                    drawn.matches("<circle").count(),
                    (0..count).filter(|number| !number.is_multiple_of(3)).count()
                );
            }
        }
    }
}
