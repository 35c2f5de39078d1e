//! Files that claim more than they have, or that are far smaller than what they would become.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::thrift::{CraftedFile, Structure, data_page, dictionary_page, ended, plain, unsigned};
use super::{echo, file};
use crate::process::Process;

const SNAPPY: i64 = 1;
const GZIP: i64 = 2;
const ZSTD: i64 = 6;
const LZ4: i64 = 7;
const RLE_DICTIONARY: i64 = 8;
const GIBIBYTE: usize = 1 << 30;

/// What is attacked, what is sent, and the code of the refusal with a part of its sentence.
struct Attack {
    name: &'static str,
    bytes: Vec<u8>,
    code: &'static str,
    says: &'static str,
}

fn attack(name: &'static str, bytes: Vec<u8>, code: &'static str, says: &'static str) -> Attack {
    Attack { name, bytes, code, says }
}

fn gzip_of_zeros(length: usize) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    for _ in 0..length >> 20 {
        gzip.write_all(&[0; 1 << 20]).unwrap();
    }
    gzip.finish().unwrap()
}

fn zstd_of_zeros(length: usize) -> Vec<u8> {
    let mut zstd = zstd::stream::Encoder::new(Vec::new(), 1).unwrap();
    for _ in 0..length >> 20 {
        zstd.write_all(&[0; 1 << 20]).unwrap();
    }
    zstd.finish().unwrap()
}

/// Pages that unpack to more than anyone should hold, as they say or in spite of what they say.
fn unpacking() -> Vec<Attack> {
    let of = |codec, page| CraftedFile { codec, ..CraftedFile::of_texts(1, page) }.bytes();
    let most = i64::from(i32::MAX);
    let snappy = [unsigned(1 << 30), vec![0; 64]].concat();
    let (gzip, zstd) = (gzip_of_zeros(GIBIBYTE), zstd_of_zeros(GIBIBYTE));
    let rome = zstd::bulk::compress(&plain(b"Rome"), 1).unwrap();
    let pages = [dictionary_page(0, 1 << 20, &zstd_of_zeros(1 << 20)), data_page(1, 0, 8, &rome)].concat();
    let of_many = CraftedFile { codec: ZSTD, groups: 60, ..CraftedFile::of_texts(1, pages) }.bytes();
    let (large, differs) = ("unpack to more than 16777216 bytes", "does not unpack to what its head says");
    vec![
        attack("a page of 2 GiB out of a few bytes", of(SNAPPY, data_page(1, 0, most, &[0; 64])), "too_large", large),
        attack("a page of 2 GiB that is not packed", of(0, data_page(1, 0, most, &[0; 64])), "too_large", large),
        attack("a page of fewer bytes than none", of(0, data_page(1, 0, -1, &[0; 64])), "invalid_request", "damaged"),
        attack("a page of 2^40 bytes", of(0, data_page(1, 0, 1 << 40, &[0; 64])), "invalid_request", "damaged"),
        attack("1 GiB of zeros in gzip", of(GZIP, data_page(1, 0, 1 << 30, &gzip)), "too_large", large),
        attack("1 GiB of zeros in zstd", of(ZSTD, data_page(1, 0, 1 << 30, &zstd)), "too_large", large),
        attack("the same, said to be small", of(GZIP, data_page(1, 0, 100, &gzip)), "invalid_request", differs),
        attack("the same in zstd", of(ZSTD, data_page(1, 0, 100, &zstd)), "invalid_request", differs),
        attack("1 GiB in the head of snappy", of(SNAPPY, data_page(1, 0, 100, &snappy)), "invalid_request", differs),
        attack("1 GiB of LZ4", of(LZ4, data_page(1, 0, 1 << 30, &[0xff; 4096])), "too_large", large),
        attack("the same in LZ4", of(LZ4, data_page(1, 0, 100, &[0xff; 4096])), "invalid_request", differs),
        attack("pages that each are small enough", of_many, "too_large", large),
    ]
}

/// Counts that are not there.
fn counts() -> Vec<Attack> {
    let of = |rows, pages| CraftedFile::of_texts(rows, pages).bytes();
    let texts = plain(b"Rome");
    let length = texts.len() as i64;
    // A bit width of 1, and a run of 10^9 values that are the first of the dictionary.
    let run = [vec![1], unsigned(1_000_000_000 << 1), vec![0]].concat();
    let repeated = |values| {
        [dictionary_page(1, length, &texts), data_page(values, RLE_DICTIONARY, run.len() as i64, &run)].concat()
    };
    let dictionary = |values| {
        let pages = [dictionary_page(values, length, &texts), data_page(1, RLE_DICTIONARY, run.len() as i64, &run)];
        of(1, pages.concat())
    };
    // Blocks of 128, one block, and 2^40 lengths.
    let lengths = [unsigned(128), vec![4], unsigned(1 << 40), vec![0]].concat();
    let delta = [unsigned(1 << 62), unsigned(1), unsigned(1 << 62), vec![0]].concat();
    let numbers = |encoding, bytes: &[u8]| {
        let pages = data_page(2, encoding, bytes.len() as i64, bytes);
        CraftedFile { column: "n", physical: 2, ..CraftedFile::of_texts(2, pages) }.bytes()
    };
    vec![
        attack(
            "a thousand million rows of one run",
            of(1_000_000_000, repeated(1_000_000_000)),
            "too_large",
            "64 rows",
        ),
        attack("more values than rows", of(1, repeated(1_000_000_000)), "invalid_request", "more values than rows"),
        attack("more rows than any", of(i64::MAX, repeated(1)), "too_large", "64 rows"),
        attack("fewer rows than none", of(-1, repeated(1)), "invalid_request", "damaged"),
        attack("more rows than values", of(2, repeated(1)), "invalid_request", "values for 1 rows of 2"),
        attack("a dictionary of 2^31 texts", dictionary(i64::from(i32::MAX)), "too_large", "2147483647 values"),
        attack(
            "a dictionary of 1,000 texts in 8 bytes",
            dictionary(1_000),
            "invalid_request",
            "more values than bytes",
        ),
        attack(
            "no dictionary",
            of(1, data_page(1, RLE_DICTIONARY, 7, &run)),
            "invalid_request",
            "dictionary is missing",
        ),
        attack("2^40 lengths of texts", of(1, data_page(1, 6, 9, &lengths)), "invalid_request", "DELTA_LENGTH"),
        attack("2^40 prefixes of texts", of(1, data_page(1, 7, 9, &lengths)), "invalid_request", "DELTA_BYTE_ARRAY"),
        attack("2^62 differences of numbers", numbers(5, &delta), "invalid_request", "\"n\""),
        attack("an encoding that does not exist", numbers(77, &delta), "invalid_request", "not read here"),
    ]
}

/// An index that is deep, long or none.
fn indexes() -> Vec<Attack> {
    let children = |count: i64| Structure::default().text(4, "c").whole(5, count);
    let index =
        |schema: &[Structure]| ended(&[], &Structure::default().list(2, schema).whole(3, 1).list(4, &[]).ended());
    let chain = vec![children(1); 100_000];
    let listed = |kind: u8| [vec![0x29, kind], unsigned(10 << 20), vec![0; 10 << 20]].concat();
    vec![
        attack("structures within structures", ended(&[], &[0x1c; 1 << 20]), "invalid_request", "nested too deeply"),
        attack(
            "lists within lists",
            ended(&[], &[&[0x19][..], &[0x19; 1 << 20]].concat()),
            "invalid_request",
            "damaged",
        ),
        attack(
            "a list of 2^31 flags",
            ended(&[], &[&[0x29, 0xf1][..], &unsigned(i32::MAX.cast_unsigned().into())].concat()),
            "invalid_request",
            "damaged",
        ),
        attack("ten million structures of nothing", ended(&[], &listed(0xfc)), "too_large", "too many entries"),
        attack("ten million texts of nothing", ended(&[], &listed(0xf8)), "too_large", "too many entries"),
        attack("a schema as deep as it is long", index(&chain), "invalid_request", "damaged"),
        attack("2^63 columns", index(&[children(i64::MAX), children(i64::MAX)]), "invalid_request", "damaged"),
        attack(
            "an index longer than its file",
            [&b"PAR1"[..], &[0xff; 4], b"PAR1"].concat(),
            "invalid_request",
            "end is missing",
        ),
        attack("an encrypted index", b"PAR1PARE".to_vec(), "invalid_request", "encrypted"),
        attack("nothing but its magic", b"PAR1".to_vec(), "invalid_request", "end is missing"),
    ]
}

/// Texts that stand there once and are meant a thousand times.
fn texts() -> Vec<Attack> {
    let long = plain(&vec![b'x'; 10 << 20]);
    let run = [vec![1], unsigned(64 << 1), vec![0]].concat();
    let pages = [dictionary_page(1, long.len() as i64, &long), data_page(64, RLE_DICTIONARY, run.len() as i64, &run)];
    let repeated = CraftedFile::of_texts(64, pages.concat());
    // No page but the last has a value.
    let nothing = [data_page(0, 0, 0, &[]).repeat(20_000), data_page(1, 0, 8, &plain(b"Rome"))].concat();
    vec![
        attack("a text of 10 MiB in each row", repeated.bytes(), "invalid_input", "must be a text of at most"),
        attack(
            "pages of nothing, shared by every row group",
            CraftedFile { groups: 60, ..CraftedFile::of_texts(1, nothing) }.bytes(),
            "too_large",
            "unpack to more than",
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn no_file_takes_more_memory_than_a_body_may() {
    const SLACK: u64 = 96 << 20;
    let models = echo();
    let process = Process::start(models.path(), &[]);
    process.service.ready().await;
    let good = super::parquet_file::written(&[Some(1.0)], &[Some("a")], parquet::basic::Compression::SNAPPY);
    assert_eq!(process.service.predict(&file(good.clone())).await.status, 200);
    let before = process.peak_bytes();
    for Attack { name, bytes, code, says } in [unpacking(), counts(), indexes(), texts()].into_iter().flatten() {
        let answer = process.service.predict(&file(bytes)).await;
        assert_eq!(answer.json()["code"], code, "{name}: {answer:?}");
        assert!(answer.json()["error"].as_str().unwrap().contains(says), "{name}: {answer:?}");
        let more = process.peak_bytes().saturating_sub(before);
        assert!(more < SLACK, "{name}: {more} bytes");
    }
    assert_eq!(process.service.predict(&file(good)).await.status, 200);
}
