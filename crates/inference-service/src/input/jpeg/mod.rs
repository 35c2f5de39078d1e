//! JPEGs: what their segments say, and the decoder for the kinds that the usual one gets wrong.

mod frame;
mod head;
mod markers;
mod scans;
mod unusual;

pub(super) use head::JpegHead;
pub(super) use markers::jpeg_size;
pub(super) use unusual::UnusualJpeg;
