//! What all plots have in common: their colours, their texts, and how a drawing becomes part of a page.

use maud::{Markup, PreEscaped, html};
use plotters::backend::SVGBackend;
use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, DrawingAreaErrorKind, IntoDrawingArea as _};
use plotters::style::{IntoTextStyle as _, RGBColor, TextStyle};

/// The text of a plot.
pub(super) const INK: RGBColor = RGBColor(0x22, 0x22, 0x22);
/// Lines that help the eye.
pub(super) const GRID: RGBColor = RGBColor(0xDD, 0xDD, 0xDD);
/// What is measured now.
pub(super) const NOW: RGBColor = RGBColor(0x0B, 0x62, 0xD6);
/// The other side of a comparison.
pub(super) const THEN: RGBColor = RGBColor(0x9A, 0x9A, 0x9A);
/// The range that noise explains.
pub(super) const NOISE: RGBColor = RGBColor(0xF2, 0xB1, 0x34);

/// The size of letters, in units of the drawing.
pub(super) const LETTERS: i32 = 13;

/// Where a plot is drawn.
pub(super) type Canvas<'a> = DrawingArea<SVGBackend<'a>, Shift>;
/// Why a plot cannot be drawn. A drawing in memory does not fail, but its types say that it might.
pub(super) type DrawingError = DrawingAreaErrorKind<std::io::Error>;

/// The looks of a text.
pub(super) fn letters(colour: &RGBColor) -> TextStyle<'_> {
    ("sans-serif", LETTERS).with_color(colour).into_text_style(&(640, 240))
}

/// How large a drawing is, in its own units; a page stretches it.
#[derive(Clone, Copy)]
pub(super) struct PlotSize {
    pub(super) width: u32,
    pub(super) height: u32,
}

/// A plot under a caption that says what is to be seen in it.
pub(super) fn figure(
    caption: &str,
    size: PlotSize,
    draw: impl FnOnce(&Canvas<'_>) -> Result<(), DrawingError>,
) -> Markup {
    let mut svg = String::new();
    let drawn = {
        let canvas = SVGBackend::with_string(&mut svg, (size.width, size.height)).into_drawing_area();
        draw(&canvas).and_then(|()| canvas.present())
    };
    html! {
        figure {
            figcaption { (caption) }
            @match drawn {
                Ok(()) => div.plot aria-hidden="true" { (PreEscaped(svg)) },
                Err(_) => p { "The plot cannot be drawn." },
            }
        }
    }
}
