//! How messages are read and written.
//!
//! Rule of thumb: the fields of a message are counted before it is read. Two bytes can stand for an empty tensor that takes
//! hundreds of bytes in memory, so a message within its limit could otherwise take gigabytes.

use std::marker::PhantomData;

use axum::body::Bytes;
use prost::Message;
use prost::bytes::Buf as _;
use prost::encoding::{DecodeContext, decode_key, skip_field};
use tonic::Status;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};

use super::arrival::grow_parsed;

/// Most fields of a message, not counting the fields of its members. A prediction has an input, a few outputs and parameters.
const MAX_FIELDS: usize = 256;

/// The number of the tensors of a prediction that come as bytes.
const RAW_CONTENTS: u32 = 7;
/// By how much other members may swell.
const SWELLING: usize = 16;

/// Writes `T` and reads `U`.
pub(crate) struct BoundedCodec<T, U>(PhantomData<(T, U)>);

/// Reads messages.
pub(crate) struct MessageReader<U>(PhantomData<U>);

/// Writes messages.
pub(crate) struct MessageWriter<T>(PhantomData<T>);

impl<T, U> Default for BoundedCodec<T, U> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T, U> Codec for BoundedCodec<T, U>
where
    T: Message + 'static,
    U: Message + Default + 'static,
{
    type Encode = T;
    type Decode = U;
    type Encoder = MessageWriter<T>;
    type Decoder = MessageReader<U>;

    fn encoder(&mut self) -> MessageWriter<T> {
        MessageWriter(PhantomData)
    }

    fn decoder(&mut self) -> MessageReader<U> {
        MessageReader(PhantomData)
    }
}

impl<U: Message + Default> Decoder for MessageReader<U> {
    type Item = U;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<U>, Status> {
        let bytes = buffer.copy_to_bytes(buffer.remaining());
        grow_parsed(weight(bytes.clone()).map_err(Status::invalid_argument)?)?;
        U::decode(bytes).map(Some).map_err(|problem| Status::invalid_argument(unreadable(problem)))
    }
}

impl<T: Message> Encoder for MessageWriter<T> {
    type Item = T;
    type Error = Status;

    fn encode(&mut self, message: T, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        message.encode(buffer).map_err(|problem| Status::internal(problem.to_string()))
    }
}

/// The bytes of memory that a message may become: raw tensors are copied once, and of other members two bytes can stand for
/// an element of 32.
fn weight(mut bytes: Bytes) -> Result<usize, String> {
    let mut weight = 0_usize;
    for _ in 0..=MAX_FIELDS {
        if !bytes.has_remaining() {
            return Ok(weight);
        }
        let before = bytes.remaining();
        let (tag, wire_type) = decode_key(&mut bytes).map_err(unreadable)?;
        skip_field(wire_type, tag, &mut bytes, DecodeContext::default()).map_err(unreadable)?;
        let field = before - bytes.remaining();
        weight = weight.saturating_add(if tag == RAW_CONTENTS { field } else { field.saturating_mul(SWELLING) });
    }
    Err(format!("The message has more than {MAX_FIELDS} fields."))
}

fn unreadable(problem: prost::DecodeError) -> String {
    format!("The message cannot be read: {problem}.")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::super::proto::{InferTensorContents, ModelInferRequest, model_infer_request::InferInputTensor};
    use super::*;

    fn read<U: Message + Default>(bytes: Bytes) -> Result<U, String> {
        weight(bytes.clone())?;
        U::decode(bytes).map_err(unreadable)
    }

    #[test]
    fn a_message_weighs_as_much_as_it_may_become() {
        let texts = InferTensorContents { bytes_contents: vec![Bytes::new(); 10_000], ..Default::default() };
        let input = InferInputTensor { contents: Some(texts), ..Default::default() };
        let request = ModelInferRequest { inputs: vec![input], ..Default::default() };
        assert!(weight(request.encode_to_vec().into()).unwrap() >= 10_000 * size_of::<Bytes>());
        let raw = ModelInferRequest { raw_input_contents: vec![vec![0; 10_000].into()], ..Default::default() };
        assert!((10_000..11_000).contains(&weight(raw.encode_to_vec().into()).unwrap()));
    }

    proptest! {
        #[test]
        fn whatever_comes_is_read_or_refused(bytes: Vec<u8>) {
            if let Ok(request) = read::<ModelInferRequest>(bytes.into()) {
                prop_assert!(request.inputs.len() <= MAX_FIELDS);
            }
        }
    }

    #[test]
    fn a_message_has_so_many_fields_and_no_more() {
        let request =
            |inputs| ModelInferRequest { inputs: vec![InferInputTensor::default(); inputs], ..Default::default() };
        for (inputs, fits) in [(0, true), (MAX_FIELDS, true), (MAX_FIELDS + 1, false), (1_000_000, false)] {
            let read = read::<ModelInferRequest>(request(inputs).encode_to_vec().into());
            assert_eq!(read.is_ok(), fits, "{inputs} inputs");
        }
    }
}
