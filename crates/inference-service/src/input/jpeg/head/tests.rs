#![allow(clippy::unwrap_used, clippy::expect_used)]
use std::fs;
use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::input::{ImageLimits, InputError, decode};
use crate::model::{Colour, InputSpec, Layout, ReadOrientation, ResizeFilter};

const SIZE: [u32; 2] = [23, 19];
/// Files of libjpeg-turbo's cjpeg, and one of Pillow: the picture of `source` in all the ways in which a JPEG may be put
/// together, and how far the mean pixel is off in Pillow, times 100. What is sampled coarsely loses a bit.
const FILES: [(&str, u32); 26] = [
    ("plain", 60),
    ("half", 87),
    ("scans", 60),
    ("half-scans", 87),
    ("half-two-scans", 87),
    ("wide-two-scans", 71),
    ("scans-in-another-order", 87),
    ("scans-with-restarts", 87),
    ("restarts", 87),
    ("progressive", 87),
    ("progressive-in-parts", 87),
    ("colour-finer", 81),
    ("colour-finer-progressive", 81),
    ("colour-wider", 66),
    ("colour-higher", 79),
    ("one-colour-finer", 80),
    ("crosswise", 89),
    ("uneven", 82),
    ("thirds", 193),
    ("thirds-down", 352),
    ("quarters", 258),
    ("quarters-down", 492),
    ("red-green-blue", 4),
    ("inks", 20),
    ("jfif-and-adobe", 87),
    ("grey-thirds", 19),
];

/// The picture that all files show.
fn source(x: u32, y: u32) -> [u32; 3] {
    [40 + x * 7, 200 - y * 8, 60 + (x + y) * 3]
}

fn file(name: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/data/jpeg/{name}.jpg"))).unwrap()
}

fn decoded(bytes: &[u8]) -> Result<Vec<u8>, InputError> {
    let spec = InputSpec {
        width: SIZE[0],
        height: SIZE[1],
        colour: Colour::Rgb,
        layout: Layout::Nhwc,
        mean: vec![0.0; 3],
        std: vec![1.0 / 255.0; 3],
        resize: ResizeFilter::Triangle,
        orientation: ReadOrientation::Ignore,
    };
    let input = decode(bytes, &spec, &ImageLimits::default())?;
    Ok(input.values().iter().map(|value| value.round() as u8).collect())
}

fn pixels(is_grey: bool) -> Vec<u8> {
    let places = (0..SIZE[1]).flat_map(|y| (0..SIZE[0]).map(move |x| source(x, y)));
    let grey = |[red, green, blue]: [u32; 3]| [(red * 19_595 + green * 38_470 + blue * 7_471 + 0x8000) >> 16; 3];
    places.flat_map(|colour| if is_grey { grey(colour) } else { colour }).map(|value| value as u8).collect()
}

/// How far the mean pixel is off, times 100, and the farthest one.
fn off(pixels: &[u8], expected: &[u8]) -> [u32; 2] {
    assert_eq!(pixels.len(), expected.len());
    let off = pixels.iter().zip(expected).map(|(a, b)| u32::from(a.abs_diff(*b)));
    [off.clone().sum::<u32>() * 100 / pixels.len() as u32, off.max().unwrap_or_default()]
}

#[test]
fn every_way_to_put_a_jpeg_together_shows_the_same_picture() {
    for (name, mean) in FILES {
        let found = off(&decoded(&file(name)).unwrap(), &pixels(name.starts_with("grey")));
        assert!(found[0] <= mean + 25 && found[1] <= 17, "{name} is off by {found:?}, and Pillow by {mean}");
    }
}

#[test]
fn what_is_left_out_or_not_taken_is_refused_in_words() {
    let half = file("half");
    let frame = half.windows(2).position(|pair| pair == [0xFF, 0xC0]).unwrap();
    let scans = file("half-scans");
    let last_scan = scans.windows(2).rposition(|pair| pair == [0xFF, 0xDA]).unwrap();
    let restarts = file("restarts");
    let restart = restarts.windows(2).position(|pair| pair == [0xFF, 0xD1]).unwrap();
    let changed = |at: usize, byte: u8| {
        let mut bytes = half.clone();
        bytes[at] = byte;
        bytes
    };
    // The sampling of the first component and of the second.
    let mut in_thirds = changed(frame + 11, 0x32);
    in_thirds[frame + 14] = 0x21;
    let lines_behind = [&half[..frame + 5], &[0, 0], &half[frame + 7..]].concat();
    for (name, bytes, says) in [
        ("a cut file", half[..half.len() - 2].to_vec(), "ends before"),
        ("an interrupted upload with an end", [&scans[..last_scan], &[0xFF, 0xD9]].concat(), "scans are missing"),
        ("colours that are never sent in full", file("colour-unfinished"), "scans are missing"),
        ("a lost restart marker", [&restarts[..restart], &restarts[restart + 2..]].concat(), "restart markers"),
        ("arithmetic coding", file("arithmetic"), "arithmetic coding"),
        ("lossless", changed(frame + 1, 0xC3), "lossless"),
        ("hierarchical", changed(frame + 1, 0xC5), "hierarchical"),
        ("12 bits", changed(frame + 4, 12), "12 bits"),
        ("a height behind the pixels", lines_behind, "height stands behind"),
        ("two colours", changed(frame + 9, 2), "head of its frame"),
        ("thirds beside halves", in_thirds, "do not fit"),
    ] {
        let refusal = decoded(&bytes).expect_err(name).to_string();
        assert!(
            refusal.starts_with("the JPEG picture cannot be decoded: ") && refusal.contains(says),
            "{name}: {refusal}"
        );
    }
}

#[test]
fn the_files_that_everybody_has_go_to_the_fast_decoder() {
    for (name, is_usual) in [
        ("plain", true),
        ("half", true),
        ("progressive", true),
        ("restarts", true),
        ("quarters", true),
        ("grey", true),
        ("half-scans", false),
        ("colour-finer", false),
        ("thirds", false),
        ("inks", false),
        ("jfif-and-adobe", false),
    ] {
        assert_eq!(JpegHead::read(&file(name)).unwrap().is_usual, is_usual, "{name}");
    }
}

proptest! {
    #[test]
    fn a_damaged_file_is_decoded_or_refused(
        which in 0..FILES.len(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut bytes = file(FILES[which].0);
        for (place, byte) in changes {
            let at = place.index(bytes.len());
            bytes[at] = byte;
        }
        let _ = decoded(&bytes);
    }
}
