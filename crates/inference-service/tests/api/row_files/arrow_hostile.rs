//! Arrow streams that claim more than they have.

use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, DictionaryArray, Float64Array, Int32Array, RecordBatch, StringArray};
use arrow_ipc::writer::StreamWriter;
use arrow_ipc::{
    Block, BodyCompression, BodyCompressionArgs, BodyCompressionMethod, Buffer, CompressionType, Field, FieldArgs,
    FieldNode, FloatingPoint, FloatingPointArgs, Footer, FooterArgs, Message, MessageArgs, MessageHeader,
    MetadataVersion, Precision, RecordBatch as BatchTable, RecordBatchArgs, Schema as SchemaTable, SchemaArgs, Type,
};
use flatbuffers::{FlatBufferBuilder, WIPOffset};

use super::{ARROW_FILE, ARROW_STREAM, echo};
use crate::process::Process;
use crate::sent::Sent;

/// A stream of numbers as the library writes it, without its end.
fn numbers() -> Vec<u8> {
    written([("n", Arc::new(Float64Array::from(vec![1.0])) as ArrayRef)])
}

fn written<const N: usize>(columns: [(&str, ArrayRef); N]) -> Vec<u8> {
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut writer = StreamWriter::try_new(Vec::new(), &batch.schema()).unwrap();
    writer.write(&batch).unwrap();
    let mut bytes = writer.into_inner().unwrap();
    bytes.truncate(bytes.len() - 8);
    bytes
}

/// A message around this metadata.
fn framed(metadata: &[u8], body: &[u8]) -> Vec<u8> {
    [&[0xff; 4][..], &(metadata.len() as u32).to_le_bytes(), metadata, body].concat()
}

/// What a batch of numbers says of itself.
struct CraftedBatch<'a> {
    rows: i64,
    buffers: [Buffer; 2],
    compression: Option<CompressionType>,
    body: &'a [u8],
    /// How long it says the body is.
    body_length: i64,
}

impl CraftedBatch<'_> {
    /// A stream with a schema and this batch.
    fn stream(&self) -> Vec<u8> {
        let mut builder = FlatBufferBuilder::new();
        let nodes = Some(builder.create_vector(&[FieldNode::new(self.rows, 0)]));
        let buffers = Some(builder.create_vector(&self.buffers));
        let compression = self.compression.map(|codec| {
            BodyCompression::create(&mut builder, &BodyCompressionArgs { codec, method: BodyCompressionMethod::BUFFER })
        });
        let batch = RecordBatchArgs { length: self.rows, nodes, buffers, compression, variadicBufferCounts: None };
        let batch = BatchTable::create(&mut builder, &batch).as_union_value();
        let message = message(&mut builder, MessageHeader::RecordBatch, batch, self.body_length);
        // The schema is the first message of a stream that the library has written.
        let good = numbers();
        let schema = 8 + u32::from_le_bytes(good[4..8].try_into().unwrap()) as usize;
        [&good[..schema], &framed(&message, self.body)].concat()
    }
}

fn message(
    builder: &mut FlatBufferBuilder<'_>,
    header_type: MessageHeader,
    header: WIPOffset<flatbuffers::UnionWIPOffset>,
    body_length: i64,
) -> Vec<u8> {
    let arguments = MessageArgs {
        version: MetadataVersion::V5,
        header_type,
        header: Some(header),
        bodyLength: body_length,
        custom_metadata: None,
    };
    let message = Message::create(builder, &arguments);
    builder.finish(message, None);
    builder.finished_data().to_vec()
}

/// A schema that has the same long name again and again.
fn schema_of_one_name(columns: usize, name: usize) -> Vec<u8> {
    let mut builder = FlatBufferBuilder::new();
    let name = Some(builder.create_string(&"n".repeat(name)));
    let field = Field::create(&mut builder, &FieldArgs { name, ..FieldArgs::default() });
    let fields = Some(builder.create_vector(&vec![field; columns]));
    let schema = SchemaTable::create(&mut builder, &SchemaArgs { fields, ..SchemaArgs::default() }).as_union_value();
    framed(&message(&mut builder, MessageHeader::Schema, schema, 0), &[])
}

/// What is sent, and the code of the refusal with a part of its sentence.
fn attacks() -> Vec<(&'static str, Vec<u8>, &'static str, &'static str)> {
    let nothing = [Buffer::new(0, 0), Buffer::new(0, 8)];
    let good = CraftedBatch { rows: 1, buffers: nothing, compression: None, body: &[0; 8], body_length: 8 };
    let of = |prefix: i64, packed: &[u8], codec| {
        let body = [&prefix.to_le_bytes(), packed].concat();
        let buffers = [Buffer::new(0, 0), Buffer::new(0, body.len() as i64)];
        let body_length = body.len() as i64;
        CraftedBatch { buffers, compression: Some(codec), body: &body, body_length, ..good }.stream()
    };
    let zeros = zstd::bulk::compress(&vec![0; 256 << 20], 1).unwrap();
    let large = vec![0; 12 << 20];
    let twice = [Buffer::new(0, large.len() as i64); 2];
    let long = "x".repeat(10 << 20);
    let repeated = DictionaryArray::<Int32Type>::new(
        Int32Array::from(vec![0; 64]),
        Arc::new(StringArray::from_iter_values([long])) as ArrayRef,
    );
    let damaged = "cut or damaged";
    let elsewhere = [[-8, 8], [8, -8], [8, 8], [i64::MAX, i64::MAX]];
    let mut attacks = vec![
        ("metadata of 4 GiB", [[0xff; 4], [0xff; 4]].concat(), "invalid_request", damaged),
        ("a body of 2^63 bytes", CraftedBatch { body_length: i64::MAX, ..good }.stream(), "invalid_request", damaged),
        (
            "a body of fewer bytes than none",
            CraftedBatch { body_length: -1, ..good }.stream(),
            "invalid_request",
            damaged,
        ),
        ("2^63 rows", CraftedBatch { rows: i64::MAX, ..good }.stream(), "too_large", "64 rows"),
        ("fewer rows than none", CraftedBatch { rows: -1, ..good }.stream(), "invalid_request", "fewer rows"),
        ("more rows than values", CraftedBatch { rows: 3, ..good }.stream(), "invalid_request", "cannot be read"),
        ("2^40 bytes of zstd", of(1 << 40, &zeros, CompressionType::ZSTD), "too_large", "unpack to more"),
        ("2^40 bytes of LZ4", of(1 << 40, &zeros, CompressionType::LZ4_FRAME), "too_large", "unpack to more"),
        (
            "256 MiB of zstd, said to be small",
            of(8, &zeros, CompressionType::ZSTD),
            "invalid_request",
            "cannot be read",
        ),
        ("fewer bytes than none", of(-2, &zeros, CompressionType::ZSTD), "invalid_request", "not where"),
        (
            "buffers that share their bytes",
            CraftedBatch { buffers: twice, body: &large, body_length: large.len() as i64, ..good }.stream(),
            "too_large",
            "unpack to more",
        ),
        ("a name of 1 MiB, 10,000 times", schema_of_one_name(10_000, 1 << 20), "invalid_request", "too large"),
        ("a column, a million times", schema_of_one_name(1_000_000, 1), "invalid_request", "too large"),
        ("a text of 10 MiB in each row", written([("c", Arc::new(repeated) as ArrayRef)]), "invalid_input", "at most"),
        ("no schema", numbers().split_off(8), "invalid_request", "cannot be read"),
    ];
    attacks.extend(elsewhere.map(|[start, length]| {
        let buffers = [Buffer::new(0, 0), Buffer::new(start, length)];
        ("a buffer elsewhere", CraftedBatch { buffers, ..good }.stream(), "invalid_request", "not where")
    }));
    attacks
}

/// A file whose index lists these places, and its end.
fn indexed(places: &[i64]) -> Vec<u8> {
    let stream = numbers();
    let schema = 8 + u32::from_le_bytes(stream[4..8].try_into().unwrap()) as usize;
    let mut builder = FlatBufferBuilder::new();
    let name = Some(builder.create_string("n"));
    let double = FloatingPoint::create(&mut builder, &FloatingPointArgs { precision: Precision::DOUBLE });
    let field = FieldArgs { name, nullable: true, type_type: Type::FloatingPoint, ..FieldArgs::default() };
    let field = Field::create(&mut builder, &FieldArgs { type_: Some(double.as_union_value()), ..field });
    let fields = Some(builder.create_vector(&[field]));
    let columns = Some(SchemaTable::create(&mut builder, &SchemaArgs { fields, ..SchemaArgs::default() }));
    let blocks: Vec<Block> = places.iter().map(|place| Block::new(8 + schema as i64 + place, 0, 0)).collect();
    let batches = Some(builder.create_vector(&blocks));
    let index = FooterArgs { schema: columns, recordBatches: batches, ..FooterArgs::default() };
    let index = Footer::create(&mut builder, &index);
    builder.finish(index, None);
    let index = builder.finished_data();
    [b"ARROW1\0\0", &stream[..], index, &(index.len() as u32).to_le_bytes(), b"ARROW1"].concat()
}

/// Files whose index lies, and the code that they are refused with.
fn files() -> [(&'static str, Vec<u8>, &'static str); 6] {
    let index = indexed(&[0]);
    let length = [&index[..index.len() - 10], &[0xff; 4], b"ARROW1"].concat();
    [
        ("a batch, 65 times", indexed(&[0; 65]), "too_large"),
        ("a batch, 100,000 times", indexed(&[0; 100_000]), "too_large"),
        ("a batch before the file", indexed(&[-10_000]), "invalid_request"),
        ("a batch behind the file", indexed(&[1 << 40]), "invalid_request"),
        ("an index longer than its file", length, "invalid_request"),
        ("nothing but its magic", b"ARROW1".to_vec(), "invalid_request"),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn no_stream_takes_more_memory_than_a_body_may() {
    const SLACK: u64 = 96 << 20;
    let models = echo();
    let process = Process::start(models.path(), &[]);
    process.service.ready().await;
    let good = Sent::new(ARROW_STREAM, numbers());
    assert_eq!(process.service.predict(&good).await.status, 200);
    let before = process.peak_bytes();
    for (name, bytes, code, says) in attacks() {
        let answer = process.service.predict(&Sent::new(ARROW_STREAM, bytes)).await;
        assert!(answer.status >= 400, "{name}: {answer:?}");
        assert_eq!(answer.json()["code"], code, "{name}: {answer:?}");
        assert!(answer.json()["error"].as_str().unwrap().contains(says), "{name}: {answer:?}");
        let more = process.peak_bytes().saturating_sub(before);
        assert!(more < SLACK, "{name}: {more} bytes");
    }
    for (name, bytes, code) in files() {
        let answer = process.service.predict(&Sent::new(ARROW_FILE, bytes)).await;
        assert_eq!(answer.json()["code"], code, "{name}: {answer:?}");
    }
    assert!(process.peak_bytes().saturating_sub(before) < SLACK);
    assert_eq!(process.service.predict(&good).await.status, 200);
}
