//! Takes two files of Swagger UI out of the archive that the vendored crate holds.
//!
//! For: `OUT_DIR/*.gz`, built into the program as they are served. An archive holds files deflated; a gzip file is the
//! same bytes between a header and a checksum, so nothing is unpacked or packed anew. Nothing is fetched.
//! May not know: how they are served.

use std::{
    env, fs,
    io::{Cursor, Read},
    path::PathBuf,
};
use zip::{CompressionMethod, ZipArchive};

/// What a page of Swagger UI needs; the archive's other files are builds for other uses.
const WANTED: [&str; 2] = ["swagger-ui.css", "swagger-ui-bundle.js"];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let archive = utoipa_swagger_ui_vendored::SWAGGER_UI_VENDORED;
    let mut archive = ZipArchive::new(Cursor::new(archive)).expect("the vendored archive opens");
    let mut found = 0;
    for at in 0..archive.len() {
        let mut file = archive.by_index_raw(at).expect("the archive lists it");
        let name = file.name().expect("names are UTF-8").into_owned();
        let Some((_, name)) = name.split_once("/dist/") else {
            continue;
        };
        if !WANTED.contains(&name) || name.contains('/') {
            continue;
        }
        assert_eq!(file.compression(), CompressionMethod::DEFLATE, "{name}");
        // RFC 1952, section 2.3: deflate, no extra fields, no time, unknown system; then data, CRC-32 and length.
        let mut gzip = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
        file.read_to_end(&mut gzip).expect("the archive holds it");
        gzip.extend(file.crc32().to_le_bytes());
        gzip.extend((file.size() as u32).to_le_bytes());
        fs::write(out.join(format!("{name}.gz")), gzip).expect("OUT_DIR is ours to write");
        found += 1;
    }
    assert_eq!(found, WANTED.len(), "the vendored archive holds {WANTED:?}");
}
