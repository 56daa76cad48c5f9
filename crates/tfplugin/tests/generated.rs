//! The committed Rust code of the wire equals what `proto/*.proto` yields.
//!
//! After an edit of a `.proto` file: `UPDATE_GENERATED=1 cargo test -p tfplugin --test generated`.

use std::{fs, path::Path};

#[test]
fn generated_code_is_what_the_proto_files_yield() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let committed = root.join("src/proto/generated");
    let fresh = tempfile::tempdir().unwrap();
    let out = if std::env::var_os("UPDATE_GENERATED").is_some() { &committed } else { fresh.path() };

    let files = ["tfplugin6.proto", "plugin.proto", "health.proto"];
    let descriptors = protox::compile(files, [root.join("proto")]).unwrap();
    tonic_prost_build::configure()
        .build_transport(false)
        .btree_map(".")
        .disable_comments(["."])
        .emit_rerun_if_changed(false)
        .out_dir(out)
        .compile_fds(descriptors)
        .unwrap();

    for name in ["tfplugin6.rs", "plugin.rs", "grpc.health.v1.rs"] {
        let want = fs::read_to_string(out.join(name)).unwrap();
        let got = fs::read_to_string(committed.join(name)).unwrap();
        assert!(want == got, "{name} is stale; run `UPDATE_GENERATED=1 cargo test -p tfplugin --test generated`");
    }
}
