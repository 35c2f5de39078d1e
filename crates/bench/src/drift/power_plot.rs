//! The power curves as a plot.

use super::power::PowerPanel;
use crate::plot::{COLOURS, LINE, MARGIN, Point, SvgDrawing, TextAnchor, WIDTH};
use crate::table::thousands;

const HEIGHT: f64 = 280.0;
const LABELS: f64 = 48.0;

/// Panels side by side: the share of windows in which a shift is seen, by the size of the shift.
pub(super) fn draw(panels: &[PowerPanel], caption: &str) -> String {
    let top = MARGIN + 2.5 * LINE;
    let mut drawing = SvgDrawing(String::new());
    let title = "Share of windows in which a shift of one of 50 features is seen";
    drawing.text(Point { x: MARGIN, y: MARGIN + LINE / 2.0 }, TextAnchor::Start, title);
    let width = (WIDTH - 2.0 * MARGIN) / panels.len().max(1) as f64;
    for (index, panel) in panels.iter().enumerate() {
        let left = MARGIN + width * index as f64 + LABELS;
        draw_panel(&mut drawing, panel, &PlotFrame { left, right: left + width - LABELS - 12.0, top });
    }
    let mut x = MARGIN;
    let y = top + HEIGHT + 62.0;
    for (number, curve) in panels.first().into_iter().flat_map(|panel| panel.curves.iter().enumerate()) {
        let colour = COLOURS[number % COLOURS.len()];
        drawing.write(format_args!(r#"<rect x="{x:.1}" y="{:.1}" width="18" height="4" fill="{colour}"/>"#, y - 6.0));
        drawing.text(Point { x: x + 24.0, y }, TextAnchor::Start, &curve.name);
        x += 40.0 + 6.5 * curve.name.chars().count() as f64;
    }
    drawing.text(Point { x: MARGIN, y: y + 1.5 * LINE }, TextAnchor::Start, caption);
    drawing.finish(y + 2.5 * LINE)
}

/// Where a panel stands.
struct PlotFrame {
    left: f64,
    right: f64,
    top: f64,
}

fn draw_panel(drawing: &mut SvgDrawing, panel: &PowerPanel, frame: &PlotFrame) {
    let PlotFrame { left, right, top } = *frame;
    let points = || panel.curves.iter().flat_map(|curve| &curve.points);
    let far = points().map(|(shift, _)| *shift).fold(f64::MIN_POSITIVE, f64::max);
    let across = |shift: f64| left + shift / far * (right - left);
    let up = |share: f64| top + HEIGHT * (1.0 - share);
    let middle = f64::midpoint(left, right);
    let title = format!("{} predictions an hour", thousands(f64::from(panel.size)));
    drawing.text(Point { x: middle, y: top - 8.0 }, TextAnchor::Middle, &title);
    for quarter in 0..=4 {
        let share = f64::from(quarter) / 4.0;
        drawing.line(Point { x: left, y: up(share) }, Point { x: right, y: up(share) }, "#dde1e6");
        let label = format!("{:.0} %", 100.0 * share);
        drawing.text(Point { x: left - 6.0, y: up(share) + 4.0 }, TextAnchor::End, &label);
        let shift = far * share;
        drawing.text(Point { x: across(shift), y: top + HEIGHT + 18.0 }, TextAnchor::Middle, &format!("{shift:.2}"));
    }
    drawing.text(Point { x: middle, y: top + HEIGHT + 38.0 }, TextAnchor::Middle, "shift in σ");
    for (number, curve) in panel.curves.iter().enumerate() {
        let colour = COLOURS[number % COLOURS.len()];
        let at = |(shift, share): &(f64, f64)| format!("{:.1},{:.1}", across(*shift), up(*share));
        let path: Vec<String> = curve.points.iter().map(at).collect();
        let path = path.join(" ");
        drawing.write(format_args!(r#"<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>"#));
    }
}

#[cfg(test)]
mod tests {
    use super::super::power::PowerCurve;
    use super::*;

    #[test]
    fn a_share_of_one_stands_at_the_top_and_every_curve_has_its_name() {
        let curve = PowerCurve { name: "service".to_owned(), points: vec![(0.0, 0.0), (1.0, 1.0)] };
        let plot = draw(&[PowerPanel { size: 5_000, curves: vec![curve] }], "here & now");
        let top = MARGIN + 2.5 * LINE;
        for part in ["5,000 predictions", "service", "here &amp; now", &format!(",{top:.1}\" fill")] {
            assert!(plot.contains(part), "{part} is missing in {plot}");
        }
    }
}
