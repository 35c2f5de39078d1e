//! Plots as SVG, for the documents.
//!
//! Rule of thumb: a plot is read without its text. Every bar has its number, every curve its name, and the caption says
//! of what machine, when, and by which command.

use std::fmt::Write as _;

pub(super) const WIDTH: f64 = 860.0;
pub(super) const MARGIN: f64 = 16.0;
pub(super) const LINE: f64 = 20.0;
pub(super) const COLOURS: [&str; 4] = ["#1f6fb4", "#d1601f", "#3a8f4d", "#7a4fa3"];

/// A drawing under way.
pub(super) struct SvgDrawing(pub(super) String);

/// Where a text begins, or ends.
#[derive(Clone, Copy)]
pub(super) enum TextAnchor {
    Start,
    Middle,
    End,
}

/// A place in a drawing; `y` grows downwards.
#[derive(Clone, Copy)]
pub(super) struct Point {
    pub(super) x: f64,
    pub(super) y: f64,
}

impl SvgDrawing {
    pub(super) fn write(&mut self, shape: std::fmt::Arguments<'_>) {
        // Writing to a String does not fail.
        let _ = self.0.write_fmt(shape);
        self.0.push('\n');
    }

    pub(super) fn text(&mut self, Point { x, y }: Point, anchor: TextAnchor, text: &str) {
        let anchor = match anchor {
            TextAnchor::Start => "start",
            TextAnchor::Middle => "middle",
            TextAnchor::End => "end",
        };
        let text = text.replace('&', "&amp;").replace('<', "&lt;");
        self.write(format_args!(r#"<text x="{x:.1}" y="{y:.1}" text-anchor="{anchor}">{text}</text>"#));
    }

    pub(super) fn line(&mut self, from: Point, to: Point, colour: &str) {
        let Point { x: x1, y: y1 } = from;
        let Point { x: x2, y: y2 } = to;
        self.write(format_args!(r#"<line x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}" stroke="{colour}"/>"#));
    }

    pub(super) fn finish(self, height: f64) -> String {
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" \
             font-size=\"13\" fill=\"#222\">\n<rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#fff\"/>\n{}</svg>\n",
            self.0
        )
    }
}

/// A bar for each value, with its name before and its number behind it.
pub(super) fn bars(title: &str, caption: &str, values: &[(String, f64)]) -> String {
    const NAMES: f64 = 250.0;
    const NUMBERS: f64 = 70.0;
    let mut drawing = SvgDrawing(String::new());
    drawing.text(Point { x: MARGIN, y: MARGIN + LINE / 2.0 }, TextAnchor::Start, title);
    let most = values.iter().map(|(_, value)| *value).fold(f64::MIN_POSITIVE, f64::max);
    let mut y = MARGIN + 1.5 * LINE;
    for (name, value) in values {
        let width = value / most * (WIDTH - 2.0 * MARGIN - NAMES - NUMBERS);
        drawing.text(Point { x: MARGIN + NAMES - 8.0, y: y + 14.0 }, TextAnchor::End, name);
        let x = MARGIN + NAMES;
        let colour = if name.starts_with("service") { COLOURS[0] } else { "#9aa5b1" };
        drawing.write(format_args!(
            r#"<rect x="{x:.1}" y="{:.1}" width="{width:.1}" height="14" fill="{colour}"/>"#,
            y + 3.0
        ));
        drawing.text(Point { x: x + width + 6.0, y: y + 14.0 }, TextAnchor::Start, &super::table::thousands(*value));
        y += LINE + 2.0;
    }
    drawing.text(Point { x: MARGIN, y: y + LINE }, TextAnchor::Start, caption);
    drawing.finish(y + 2.0 * LINE)
}

/// Curves over one axis, with a logarithmic scale of milliseconds.
pub(super) struct PlotPanel {
    /// What stands above it.
    pub(super) title: String,
    /// Below its axis.
    pub(super) across: &'static str,
    /// Each curve's name and points.
    pub(super) curves: Vec<(String, Vec<(f64, f64)>)>,
}

/// Panels side by side, all on one scale.
pub(super) fn panels(title: &str, caption: &str, panels: &[PlotPanel]) -> String {
    const HEIGHT: f64 = 300.0;
    const LABELS: f64 = 56.0;
    let top = MARGIN + 2.5 * LINE;
    let mut drawing = SvgDrawing(String::new());
    drawing.text(Point { x: MARGIN, y: MARGIN + LINE / 2.0 }, TextAnchor::Start, title);
    let values = || panels.iter().flat_map(|panel| &panel.curves).flat_map(|(_, points)| points);
    let low = values().map(|(_, y)| *y).fold(f64::INFINITY, f64::min).log10().floor();
    let high = values().map(|(_, y)| *y).fold(f64::MIN_POSITIVE, f64::max).log10().ceil().max(low + 1.0);
    let far = values().map(|(x, _)| *x).fold(f64::MIN_POSITIVE, f64::max) * 1.05;
    let width = (WIDTH - 2.0 * MARGIN) / panels.len().max(1) as f64;
    for (index, panel) in panels.iter().enumerate() {
        let left = MARGIN + width * index as f64 + LABELS;
        let right = left + width - LABELS - 10.0;
        let across = |x: f64| left + x / far * (right - left);
        let up = |y: f64| top + HEIGHT * (high - y.log10()) / (high - low);
        drawing.text(Point { x: (left + right) / 2.0, y: top - 8.0 }, TextAnchor::Middle, &panel.title);
        for (value, label) in ticks(low, high) {
            drawing.line(Point { x: left, y: up(value) }, Point { x: right, y: up(value) }, "#dde1e6");
            drawing.text(Point { x: left - 6.0, y: up(value) + 4.0 }, TextAnchor::End, &label);
        }
        for tick in 0..=(far / step(far)) as u32 {
            let x = f64::from(tick) * step(far);
            drawing.text(
                Point { x: across(x), y: top + HEIGHT + 18.0 },
                TextAnchor::Middle,
                &super::table::thousands(x),
            );
        }
        drawing.text(Point { x: (left + right) / 2.0, y: top + HEIGHT + 38.0 }, TextAnchor::Middle, panel.across);
        for (number, (_, points)) in panel.curves.iter().enumerate() {
            let colour = COLOURS[number % COLOURS.len()];
            let path: Vec<String> = points.iter().map(|(x, y)| format!("{:.1},{:.1}", across(*x), up(*y))).collect();
            drawing.write(format_args!(
                r#"<polyline points="{}" fill="none" stroke="{colour}" stroke-width="2"/>"#,
                path.join(" ")
            ));
            for (x, y) in points {
                drawing.write(format_args!(
                    r#"<circle cx="{:.1}" cy="{:.1}" r="3" fill="{colour}"/>"#,
                    across(*x),
                    up(*y)
                ));
            }
        }
    }
    let mut x = MARGIN;
    let y = top + HEIGHT + 62.0;
    for (number, (name, _)) in panels.first().into_iter().flat_map(|panel| panel.curves.iter().enumerate()) {
        let colour = COLOURS[number % COLOURS.len()];
        drawing.write(format_args!(r#"<rect x="{x:.1}" y="{:.1}" width="18" height="4" fill="{colour}"/>"#, y - 6.0));
        drawing.text(Point { x: x + 24.0, y }, TextAnchor::Start, name);
        x += 40.0 + 6.5 * name.chars().count() as f64;
    }
    drawing.text(Point { x: MARGIN, y: y + 1.5 * LINE }, TextAnchor::Start, caption);
    drawing.finish(y + 2.5 * LINE)
}

/// The largest round number of which at least five fit on the axis.
fn step(far: f64) -> f64 {
    let power = 10_f64.powf((far / 5.0).log10().floor());
    let digit = [5.0, 2.0].into_iter().find(|digit| digit * power <= far / 5.0).unwrap_or(1.0);
    digit * power
}

/// 1, 2 and 5 of each power of ten.
fn ticks(low: f64, high: f64) -> Vec<(f64, String)> {
    let decades = (low as i32..=high as i32).flat_map(|power| [1.0, 2.0, 5.0].map(|digit| digit * 10_f64.powi(power)));
    decades.filter(|value| value.log10() <= high + 1e-9).map(|value| (value, format!("{value} ms"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bar_has_its_name_and_number_and_the_longest_fills_the_plot() {
        let plot = bars("speed", "here & now", &[("service <1>".into(), 1234.0), ("loop".into(), 2468.0)]);
        for part in ["service &lt;1>", "1,234", "2,468", "here &amp; now", "speed"] {
            assert!(plot.contains(part), "{part} is missing in {plot}");
        }
        let widths: Vec<f64> = plot
            .lines()
            .filter(|line| line.contains("height=\"14\""))
            .filter_map(|line| line.split("width=\"").nth(1)?.split('"').next()?.parse().ok())
            .collect();
        assert!((widths[1] / widths[0] - 2.0).abs() < 0.01, "{widths:?}");
    }

    #[test]
    fn higher_latencies_stand_higher() {
        let curves = vec![("a".to_owned(), vec![(1.0, 0.5), (2.0, 5.0)]), ("b".to_owned(), vec![(1.0, 50.0)])];
        let panel = PlotPanel { title: "JSON".into(), across: "requests/s", curves };
        let plot = panels("latency", "caption", &[panel]);
        let heights: Vec<f64> = plot
            .lines()
            .filter_map(|line| line.strip_prefix("<circle")?.split("cy=\"").nth(1)?.split('"').next()?.parse().ok())
            .collect();
        assert!(heights[0] > heights[1] && heights[1] > heights[2], "{heights:?}");
        assert_eq!([9.0, 992.0, 1200.0, 2600.0].map(step), [1.0, 100.0, 200.0, 500.0]);
        let labels: Vec<String> = ticks(-1.0, 1.0).into_iter().map(|(_, label)| label).collect();
        assert_eq!(labels, ["0.1 ms", "0.2 ms", "0.5 ms", "1 ms", "2 ms", "5 ms", "10 ms"]);
    }
}
