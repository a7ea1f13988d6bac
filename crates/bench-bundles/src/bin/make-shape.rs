//! Makes a bundle of a hostile shape: `make-shape SHAPE SIZE DIR`. Without arguments it lists the shapes, each with the
//! smaller of the sizes that are compared and the programs whose cost is compared.

#![forbid(unsafe_code)]
#![expect(clippy::print_stderr, clippy::print_stdout, reason = "a program reports to its user")]

use std::{env, fs, path::Path, process::ExitCode};

use rollout_trace_bench_bundles::HOSTILE;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [name, size, folder] = arguments.as_slice() else {
        if arguments.is_empty() {
            for shape in &HOSTILE {
                println!("{} {} {}", shape.name, shape.size, shape.programs.join(" "));
            }
            return ExitCode::SUCCESS;
        }
        eprintln!("usage: make-shape SHAPE SIZE DIR, or make-shape for a list of shapes and their usual sizes");
        return ExitCode::from(2);
    };
    let Some(shape) = HOSTILE.iter().find(|shape| shape.name == name) else {
        eprintln!("error: there is no shape named {name}: make-shape without arguments lists the shapes");
        return ExitCode::from(2);
    };
    let Ok(size) = size.parse() else {
        eprintln!("error: {size} is not a size: give a number of repetitions, such as {}", shape.size);
        return ExitCode::from(2);
    };
    let folder = Path::new(folder);
    if fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some()) {
        eprintln!("error: {} is not empty: choose a new folder", folder.display());
        return ExitCode::from(2);
    }
    if let Err(error) = fs::create_dir_all(folder) {
        eprintln!("error: cannot make {}: {error}", folder.display());
        return ExitCode::FAILURE;
    }
    shape.write(size, folder);
    ExitCode::SUCCESS
}
