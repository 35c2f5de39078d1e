//! Bodies for `POST /predict`: pictures, JSON and forms, nearly all of them spoilt.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use fastrand::Rng;
use serde_json::{Value, json};
use testkit::{Picture, Shot, pictures};

use crate::mutation::{choose, random_bytes, spoil, spoil_member};

/// Larger pictures would make the test slow, and show nothing else.
const LARGEST_PICTURE: usize = 16 * 1024;
const PATHS: [&str; 12] = [
    "/predict",
    "/predict?model=cifar10",
    "/predict?model=surface",
    "/predict?model=surface&version=1&top_k=3",
    "/predict?model=unknown",
    "/predict?model=%00%ff",
    "/predict?top_k=18446744073709551616",
    "/predict?top_k=0",
    "/predict?top_k=1000000000",
    "/predict?version=2",
    "/predict?model=a&model=b",
    "/predict?what=%F0%9F%90%88&&=",
];
const PROTOCOL_PATHS: [&str; 3] =
    ["/v2/models/cifar10/infer", "/v2/models/surface/versions/1/infer", "/v2/models/%00/versions/x/infer"];
const TYPES: [&str; 12] = [
    "image/jpeg",
    "image/png",
    "image/webp",
    "image/bmp",
    "IMAGE/PNG ; q=1",
    "application/json",
    "application/json; charset=utf-16",
    "multipart/form-data",
    "multipart/form-data; boundary=",
    "text/plain",
    "*/*",
    ";",
];

/// Makes bodies from the shipped pictures.
pub(crate) struct PredictBodies {
    pictures: Vec<Picture>,
}

impl PredictBodies {
    pub(crate) fn new() -> Self {
        let all = ["cifar10", "surface"].into_iter().flat_map(pictures);
        let pictures: Vec<Picture> = all.filter(|picture| picture.bytes.len() < LARGEST_PICTURE).collect();
        for content_type in &TYPES[..4] {
            assert!(pictures.iter().any(|picture| picture.content_type == *content_type), "no {content_type}");
        }
        Self { pictures }
    }

    /// A request of the Open Inference Protocol, with a member that is wrong now and then.
    fn protocol(&self, rng: &mut Rng) -> Value {
        let data = match rng.u8(..3) {
            0 => json!([BASE64_STANDARD.encode(choose(rng, &self.pictures).bytes)]),
            1 => json!(vec![vec![rng.f32(); 7]; 3]),
            _ => json!(vec![rng.f32(); 3072]),
        };
        let (name, datatype) = (choose(rng, &["input", "x", ""]), choose(rng, &["FP32", "BYTES", "INT64"]));
        let shape = choose(rng, &[json!([1]), json!([1, 3, 32, 32]), json!([0]), json!([-1, u64::MAX])]);
        let parameters = json!({ "binary_data_size": rng.u64(..10_000), "classification": rng.u8(..3) });
        let input = json!({ "name": name, "shape": shape, "datatype": datatype, "data": data });
        let input = if rng.bool() { input } else { spoil_member(rng, input) };
        let output = json!({ "name": name, "parameters": parameters });
        spoil_member(rng, json!({ "id": "1", "inputs": [input], "outputs": [output], "parameters": parameters }))
    }

    /// The request of this seed, always the same.
    pub(crate) fn shot(&self, seed: u64) -> Shot {
        let rng = &mut Rng::with_seed(seed);
        let picture = choose(rng, &self.pictures);
        let path = if rng.u8(..4) == 0 { choose(rng, &PATHS) } else { choose(rng, &PATHS[..3]) };
        match rng.u8(..20) {
            0 => Shot::new(path, picture.content_type, picture.bytes),
            1..7 => Shot::new(path, picture.content_type, spoil(rng, &picture.bytes)),
            7..10 => Shot::new(path, "application/json", {
                let body = self.json(rng);
                spoil_member(rng, body).to_string()
            }),
            10 => {
                let text = self.json(rng).to_string();
                Shot::new(path, "application/json", spoil(rng, text.as_bytes()))
            }
            11 => Shot::new(path, "multipart/form-data; boundary=b", {
                let form = self.form(rng);
                spoil(rng, &form)
            }),
            12 => Shot::new(path, "multipart/form-data; boundary=c", self.form(rng)),
            13 => Shot::new(path, choose(rng, &TYPES), picture.bytes),
            14 => Shot { content_type: None, ..Shot::new(path, "", random_bytes(rng, 2000)) },
            15 => Shot::new(path, choose(rng, &TYPES), random_bytes(rng, 2000)),
            _ => {
                let text = self.protocol(rng).to_string();
                let body = if rng.u8(..4) == 0 { text.into_bytes() } else { spoil(rng, text.as_bytes()) };
                Shot::new(choose(rng, &PROTOCOL_PATHS), "application/json", body)
            }
        }
    }

    /// A valid body with every option, of each form of input in turn.
    fn json(&self, rng: &mut Rng) -> Value {
        let encoded = |rng: &mut Rng| BASE64_STANDARD.encode(choose(rng, &self.pictures).bytes);
        let mut body =
            json!({ "model": "surface", "version": "1", "top_k": 2, "request_id": format!("{:x}", rng.u64(..)) });
        match rng.u8(..4) {
            0 => body["image"] = encoded(rng).into(),
            1 => body["images"] = json!([encoded(rng), encoded(rng)]),
            2 => body["input"] = vec![rng.f32(); 64 * 64].into(),
            _ => body["inputs"] = vec![vec![vec![vec![rng.f32(); 64]; 64]; 1]; 2].into(),
        }
        body
    }

    /// A valid form of two pictures and a model.
    fn form(&self, rng: &mut Rng) -> Vec<u8> {
        let mut form = b"--b\r\ncontent-disposition: form-data; name=\"model\"\r\n\r\ncifar10\r\n".to_vec();
        for _ in 0..2 {
            form.extend(b"--b\r\ncontent-disposition: form-data; name=\"image\"; filename=\"a.png\"\r\n");
            form.extend(b"content-type: image/png\r\n\r\n");
            form.extend(choose(rng, &self.pictures).bytes);
            form.extend(b"\r\n");
        }
        form.extend(b"--b--\r\n");
        form
    }
}
