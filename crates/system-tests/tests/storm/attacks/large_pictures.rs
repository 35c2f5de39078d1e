//! Small files that are large pictures, many in one form, with a deadline that is over long before they are decoded.

use std::io::{self, Cursor};
use std::sync::OnceLock;

use fastrand::Rng;
use image::ImageFormat;

use crate::aim::{Aim, post};

/// Just below the most pixels that are taken.
const SIDES: (u32, u32) = (16_384, 3_051);
const MOST: usize = 24;

type Grey = image::ImageBuffer<image::Luma<u8>, Vec<u8>>;

pub(crate) async fn strike(aim: &Aim, random: &mut Rng) -> io::Result<()> {
    let mut form = Vec::new();
    for _ in 0..random.usize(1..=MOST) {
        form.extend(b"--b\r\ncontent-disposition: form-data; name=\"image\"; filename=\"x\"\r\n\r\n");
        form.extend(picture());
        form.extend(b"\r\n");
    }
    form.extend(b"--b--\r\n");
    let path = ["/predict?model=cifar10", "/predict?model=surface"][random.usize(..2)];
    let deadline = "x-request-timeout-ms: 200\r\n";
    aim.send(aim.inference, &post(path, "multipart/form-data; boundary=b", deadline, &form), random).await
}

fn picture() -> &'static [u8] {
    static PICTURE: OnceLock<Vec<u8>> = OnceLock::new();
    PICTURE.get_or_init(|| {
        let mut file = Cursor::new(Vec::new());
        Grey::new(SIDES.0, SIDES.1).write_to(&mut file, ImageFormat::Png).expect("a picture is written");
        file.into_inner()
    })
}
