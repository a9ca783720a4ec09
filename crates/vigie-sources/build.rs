//! Embeds the definitions of `catalogue/<domain>/<source>/source.toml`.

use std::{env, fmt::Write as _, fs, path::Path};

#[expect(
    clippy::disallowed_methods,
    reason = "a build script that is killed is run again"
)]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../../catalogue");
    println!("cargo::rerun-if-changed={}", root.display());
    let mut files = Vec::new();
    for domain in fs::read_dir(&root)? {
        let domain = domain?.path();
        if !domain.is_dir() {
            continue;
        }
        for source in fs::read_dir(&domain)? {
            let file = source?.path().join("source.toml");
            if file.is_file() {
                files.push(file);
            }
        }
    }
    files.sort();
    let mut code = String::from("static EMBEDDED: &[(&str, &str)] = &[\n");
    for file in files {
        let shown = Path::new("catalogue").join(file.strip_prefix(&root)?);
        let text = fs::read_to_string(&file)?;
        // The text itself, so that no path of this machine ends up in the program.
        writeln!(code, "    ({:?}, {text:?}),", shown.to_string_lossy())?;
    }
    code.push_str("];\n");
    fs::write(Path::new(&env::var("OUT_DIR")?).join("catalogue.rs"), code)?;
    Ok(())
}
