//! Makes Rust of the protocol's definitions.
//!
//! For: `proto/*.proto`, compiled in Rust: nobody has to install a compiler of protocol buffers.
//! May not know: what the messages mean.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let files = [
        "streams",
        "persistent",
        "gossip",
        "serverfeatures",
        "monitoring",
        "operations",
        "users",
        "projections",
        "v2",
    ]
    .map(|name| format!("proto/{name}.proto"));
    println!("cargo:rerun-if-changed=proto");
    let definitions = protox::compile(files, ["proto"])?;
    tonic_prost_build::configure()
        .build_client(false)
        .bytes(".")
        .compile_fds(definitions)?;
    Ok(())
}
