//! Builds the page with npm and embeds it: the binary serves it without any file beside it.

use std::{
    env,
    error::Error,
    fmt::Write as _,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
};

use flate2::{Compression, write::GzEncoder};

/// What Vite 8 needs.
const NODE_MIN: (u32, u32) = (20, 19);

fn main() {
    if let Err(error) = build() {
        println!("cargo::error={error}");
    }
}

fn build() -> Result<(), Box<dyn Error>> {
    let web = Path::new(&env::var("CARGO_MANIFEST_DIR")?)
        .join("../../web")
        .canonicalize()?;
    for watched in [
        "src",
        "index.html",
        "package.json",
        "package-lock.json",
        "vite.config.ts",
        "tsconfig.json",
        "public",
    ] {
        let path = web.join(watched);
        if path.exists() {
            println!("cargo::rerun-if-changed={}", path.display());
        }
    }
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let dist = out.join("web");
    check_node()?;
    let lock = web.join("package-lock.json");
    let installed = web.join("node_modules/.package-lock.json");
    let fresh = modified(&installed)
        .zip(modified(&lock))
        .is_some_and(|(done, wanted)| done >= wanted);
    if !fresh {
        run(npm(&web).args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]))?;
    }
    let vite = [
        "exec",
        "--",
        "vite",
        "build",
        "--emptyOutDir",
        "--logLevel",
        "warn",
        "--outDir",
    ];
    run(npm(&web).args(vite).arg(&dist))?;

    let zipped = out.join("web.gz");
    fs::create_dir_all(&zipped)?;
    let mut table = String::from("pub(super) static ASSETS: &[(&str, &[u8], &[u8])] = &[\n");
    let mut files = Vec::new();
    walk(&dist, &mut files)?;
    files.sort();
    for file in files {
        let name = format!(
            "/{}",
            file.strip_prefix(&dist)?
                .to_string_lossy()
                .replace('\\', "/")
        );
        let small = zipped.join(name.replace('/', "_"));
        let mut encoder = GzEncoder::new(fs::File::create(&small)?, Compression::best());
        encoder.write_all(&fs::read(&file)?)?;
        encoder.finish()?;
        let (file, small) = (file.to_string_lossy(), small.to_string_lossy());
        writeln!(
            table,
            "    ({name:?}, include_bytes!({file:?}), include_bytes!({small:?})),"
        )?;
    }
    table.push_str("];\n");
    fs::File::create(out.join("assets.rs"))?.write_all(table.as_bytes())?;
    Ok(())
}

fn check_node() -> Result<(), Box<dyn Error>> {
    let wanted = format!(
        "the page is built with Node {}.{} or newer and npm: install them \
         (a package `nodejs` of your system, or from nodejs.org), then build again",
        NODE_MIN.0, NODE_MIN.1
    );
    let output = Command::new("node")
        .arg("--version")
        .output()
        .map_err(|_| wanted.clone())?;
    let version = String::from_utf8_lossy(&output.stdout)
        .trim()
        .trim_start_matches('v')
        .to_owned();
    let mut numbers = version
        .split('.')
        .map_while(|part| part.parse::<u32>().ok());
    let found = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    if found < NODE_MIN {
        return Err(format!("Node {version} was found, but {wanted}").into());
    }
    Ok(())
}

fn npm(web: &Path) -> Command {
    let mut command = Command::new("npm");
    command.current_dir(web);
    command
}

fn run(command: &mut Command) -> Result<(), Box<dyn Error>> {
    let output = command
        .output()
        .map_err(|error| format!("npm could not be started ({error}): install Node and npm"))?;
    if output.status.success() {
        return Ok(());
    }
    let said =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    Err(format!("{command:?} failed: {} {}", said[0], said[1])
        .replace('\n', " | ")
        .into())
}

fn modified(path: &Path) -> Option<std::time::SystemTime> {
    fs::metadata(path).ok()?.modified().ok()
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            walk(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}
