//! Makes the messages and services of gRPC, and the messages of ONNX files, from `proto/`.

use std::error::Error;
use std::path::Path;
use std::{env, fs};

use protox::prost::Message as _;

/// The call whose message the service reads itself.
const READ_BY_THE_SERVICE: &str = "ModelInfer";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto");
    let mut files = protox::compile(["open_inference.proto"], ["proto"])?;
    fs::write(Path::new(&env::var("OUT_DIR")?).join("inference.bin"), files.encode_to_vec())?;
    // On the wire, a call with one message is a stream of one. Taken as a stream, the service sees the call before its
    // message: reading it happens under the call's deadline, and a message that is too large is refused, counted and
    // logged like every other bad request.
    let services = files.file.iter_mut().flat_map(|file| &mut file.service);
    for method in services.flat_map(|service| &mut service.method).filter(|m| m.name() == READ_BY_THE_SERVICE) {
        method.client_streaming = Some(true);
    }
    tonic_prost_build::configure()
        .build_client(false)
        .build_transport(false)
        .bytes(".inference")
        .codec_path("crate::oip::grpc::codec::BoundedCodec")
        .compile_fds(files)?;
    tonic_prost_build::configure().bytes(".onnx").compile_fds(protox::compile(["onnx.proto"], ["proto"])?)?;
    Ok(())
}
