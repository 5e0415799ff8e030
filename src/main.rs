//! The program `image-import`.

use std::process::ExitCode;

fn main() -> ExitCode {
    image_import::cli::main()
}
