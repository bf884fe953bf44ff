//! What people download: the archive and the folder of the container image.

use std::path::Path;
use std::process::Command;

use crate::app::TestDatabase;

#[tokio::test]
async fn the_archive_holds_a_program_that_runs() {
    let database = TestDatabase::new().await;
    let out = database.folder.join("package");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let made = Command::new(root.join("scripts/package.sh"))
        .env("SALA_BINARY", env!("CARGO_BIN_EXE_sala"))
        .env("SALA_PACKAGE", &out)
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let archive = String::from_utf8(made.stdout).unwrap().trim().to_owned();
    let checked =
        Command::new("sha256sum").arg("-c").arg(format!("{archive}.sha256")).current_dir(&out).output().unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    let unpacked = Command::new("tar").arg("-xzf").arg(&archive).arg("-C").arg(&database.folder).status().unwrap();
    assert!(unpacked.success());
    let name = Path::new(&archive).file_name().unwrap().to_str().unwrap().strip_suffix(".tar.gz").unwrap();
    let folder = database.folder.join(name);
    for file in ["LICENSE", "OFL.txt", "sala-render", "README.md", "openapi.json", "sala.service", "docs/OPERATIONS.md"]
    {
        assert!(folder.join(file).is_file(), "{file}");
    }
    for program in [folder.join("sala"), out.join("image/sala")] {
        let told = Command::new(program).arg("--version").output().unwrap();
        assert_eq!(String::from_utf8(told.stdout).unwrap().trim(), format!("sala {}", env!("CARGO_PKG_VERSION")));
    }
    assert!(out.join("image/Containerfile").is_file());
}
