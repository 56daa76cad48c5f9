//! Writes the generated pages of `docs/`; with `--check` says which are stale. Called by `cargo xtask docs`.

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let check = std::env::args().any(|arg| arg == "--check");
    let pages = match terraform_provider_stormglass::docs::pages(&root.join("examples")) {
        Ok(pages) => pages,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::FAILURE;
        }
    };
    let mut stale = false;
    for (name, text) in pages {
        let path = root.join("docs").join(&name);
        if std::fs::read_to_string(&path).is_ok_and(|old| old == text) {
            continue;
        }
        if check {
            eprintln!("docs/{name} is stale; run `cargo xtask docs`");
            stale = true;
            continue;
        }
        let written = path.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::write(&path, text));
        if let Err(error) = written {
            eprintln!("error: docs/{name}: {error}");
            return ExitCode::FAILURE;
        }
        println!("docs/{name}");
    }
    if stale { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
