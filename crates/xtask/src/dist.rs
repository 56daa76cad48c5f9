//! Release archives as the Terraform registry wants them: one zip a platform, sums, a manifest.
//!
//! Layout: <https://developer.hashicorp.com/terraform/registry/providers/publishing>. Signing is left to the workflow,
//! which holds the key.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::run::{Done, cargo, root, run, target_dir};
use crate::terraform::platform;

const NAME: &str = "terraform-provider-stormglass";

/// Builds for one target (the host's without `--target`), archives it and writes the sums of all archives there;
/// with `--sums-only` the archives are there already.
pub(crate) fn dist(args: &[&str]) -> Done {
    let (mut target, mut out, mut sums_only) = (None, target_dir().join("dist"), false);
    let mut words = args.iter();
    while let Some(word) = words.next() {
        if *word == "--sums-only" {
            sums_only = true;
            continue;
        }
        let value = words.next().ok_or_else(|| format!("`{word}` needs a value"))?;
        match *word {
            "--target" => target = Some((*value).to_owned()),
            "--out" => out = PathBuf::from(value),
            other => return Err(format!("`{other}` is no option of dist; known: --target, --out, --sums-only")),
        }
    }
    let version = env!("CARGO_PKG_VERSION");
    fs::create_dir_all(&out).map_err(|e| format!("{}: {e}", out.display()))?;
    if !sums_only {
        build_and_archive(target, &out)?;
    }
    let manifest = "{\"version\":1,\"metadata\":{\"protocol_versions\":[\"6.0\"]}}\n";
    write(&out.join(format!("{NAME}_{version}_manifest.json")), manifest)?;
    write(&out.join(format!("{NAME}_{version}_SHA256SUMS")), &sums(&out, version)?)?;
    println!("archives: {}", out.display());
    Ok(())
}

/// The provider and the command of one target, each in its archive.
fn build_and_archive(target: Option<String>, out: &Path) -> Done {
    let mut build = cargo();
    build.args(["build", "--locked", "--release", "--package", NAME, "--package", "stormglass-cli"]);
    if let Some(triple) = &target {
        build.args(["--target", triple]);
    }
    run("release build", &mut build)?;
    let platform = target.as_deref().map_or_else(platform, platform_of)?;
    let exe = if platform.starts_with("windows") { ".exe" } else { "" };
    let built = target.map_or_else(target_dir, |t| target_dir().join(t)).join("release");
    let version = env!("CARGO_PKG_VERSION");
    let provider = format!("{NAME}_v{version}{exe}");
    archive(&out.join(format!("{NAME}_{version}_{platform}.zip")), &built.join(format!("{NAME}{exe}")), &provider)?;
    let command = built.join(format!("stormglass{exe}"));
    archive(&out.join(format!("stormglass_{version}_{platform}.zip")), &command, &format!("stormglass{exe}"))
}

/// A zip with one program and the licences.
fn archive(to: &Path, program: &Path, name: &str) -> Done {
    let failed = |e: &dyn std::fmt::Display| format!("{}: {e}", to.display());
    let mut zip = ZipWriter::new(File::create(to).map_err(|e| failed(&e))?);
    let plain = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
    let files = [
        (program.to_path_buf(), name, 0o755),
        (root().join("LICENSE-APACHE"), "LICENSE-APACHE", 0o644),
        (root().join("LICENSE-MIT"), "LICENSE-MIT", 0o644),
    ];
    for (path, name, mode) in files {
        let bytes = fs::read(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        zip.start_file(name, plain.unix_permissions(mode)).map_err(|e| failed(&e))?;
        zip.write_all(&bytes).map_err(|e| failed(&e))?;
    }
    zip.finish().map(drop).map_err(|e| failed(&e))
}

/// `sha256  file` for the provider's archives and its manifest, by name.
fn sums(folder: &Path, version: &str) -> Result<String, String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .map_err(|e| format!("{}: {e}", folder.display()))?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.starts_with(&format!("{NAME}_{version}_")) && !name.contains("SHA256SUMS"))
        .collect();
    names.sort();
    let mut text = String::new();
    for name in names {
        let bytes = fs::read(folder.join(&name)).map_err(|e| format!("{name}: {e}"))?;
        let hex: String = Sha256::digest(&bytes).iter().map(|b| format!("{b:02x}")).collect();
        text.push_str(&format!("{hex}  {name}\n"));
    }
    Ok(text)
}

fn write(path: &Path, text: &str) -> Done {
    fs::write(path, text).map_err(|e| format!("{}: {e}", path.display()))
}

/// The registry's word for a target triple.
fn platform_of(triple: &str) -> Result<String, String> {
    let arch = match triple.split('-').next() {
        Some("x86_64") => "amd64",
        Some("aarch64") => "arm64",
        _ => return Err(format!("`{triple}`: expected x86_64 or aarch64")),
    };
    let os = match triple {
        t if t.contains("linux") => "linux",
        t if t.contains("darwin") => "darwin",
        t if t.contains("windows") => "windows",
        _ => return Err(format!("`{triple}`: expected linux, darwin or windows")),
    };
    Ok(format!("{os}_{arch}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn triples_have_the_registrys_names() {
        assert_eq!(platform_of("x86_64-unknown-linux-musl").unwrap(), "linux_amd64");
        assert_eq!(platform_of("aarch64-apple-darwin").unwrap(), "darwin_arm64");
        assert!(platform_of("riscv64gc-unknown-linux-gnu").unwrap_err().contains("riscv64gc"));
    }
}
