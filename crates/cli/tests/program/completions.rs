//! What shells offer as the next word.

use std::{
    env,
    path::Path,
    process::{Command, Stdio},
};

use crate::{
    support::{Root, program},
    untrusted::HOSTILE,
};

/// A shell and a script that completes a line. The line is in the variable `line`, and its words are separated by spaces.
struct Shell {
    name: &'static str,
    options: &'static [&'static str],
    script: &'static str,
}

const SHELLS: [Shell; 3] = [
    Shell {
        name: "bash",
        options: &["--norc", "--noprofile", "-c"],
        script: r#"
            source <(rollout-trace completions bash)
            read -r -a COMP_WORDS <<< "$line"
            if [[ "$line" == *' ' ]]; then COMP_WORDS+=(""); fi
            COMP_CWORD=$(( ${#COMP_WORDS[@]} - 1 )) COMP_TYPE=9
            [[ $(complete -p rollout-trace) =~ -F\ ([^ ]+) ]]
            ${BASH_REMATCH[1]} rollout-trace "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
            printf '%s\n' "${COMPREPLY[@]}""#,
    },
    Shell {
        name: "zsh",
        options: &["-f", "-c"],
        // The completion system of zsh needs a terminal, so what its functions are told is printed.
        script: r#"
            compdef() { completer=$1 }
            _describe() {
                while [[ $1 == -* ]]; do shift; done
                print -l -- ${(P)2}
            }
            source <(rollout-trace completions zsh)
            words=("${(@s: :)line}") CURRENT=${#words}
            $completer"#,
    },
    Shell {
        name: "fish",
        options: &["--no-config", "-c"],
        script: r#"
            rollout-trace completions fish | source
            complete --do-complete "$line""#,
    },
];

impl Shell {
    /// Returns the words that the shell offers, without their descriptions, or `None` if it is not installed.
    fn complete(&self, root: &Root, line: &str) -> Option<Vec<String>> {
        let program = program();
        let folder = Path::new(program.get_program()).parent().unwrap().to_owned();
        let others = env::var_os("PATH").unwrap_or_default();
        let path = env::join_paths([folder].into_iter().chain(env::split_paths(&others))).unwrap();
        let mut shell = Command::new(self.name);
        shell.args(self.options).arg(self.script).current_dir(root.path("")).stdin(Stdio::null());
        shell.env("line", line).env("PATH", path).env("XDG_CACHE_HOME", root.path("")).env("HOME", root.path(""));
        shell.env("CODEX_ROLLOUT_TRACE_ROOT", root.path("traces"));
        let Ok(output) = shell.output() else {
            eprintln!("skipped: {} is not installed", self.name);
            return None;
        };
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(stderr.is_empty(), "{}: {line}: {stderr}", self.name);
        let text = String::from_utf8(output.stdout).unwrap();
        let words = text.lines().map(|line| line.split(['\t', ':']).next().unwrap().trim().to_owned());
        let mut words: Vec<String> = words.filter(|word| !word.is_empty()).collect();
        words.sort();
        Some(words)
    }
}

#[test]
fn shells_complete_commands_options_bundles_and_ids() {
    let root = Root::new(&["traces/a", "traces/b", "here"]).with_recorded("traces/recorded");
    root.edit("traces/b/manifest.json", |text| {
        text.replace("\"rollout_id\": \"thread-root\"", "\"rollout_id\": \"odd; touch x\"")
    });
    for shell in &SHELLS {
        let complete = |line: &str| shell.complete(&root, line);
        let Some(commands) = complete("rollout-trace c") else { continue };
        let name = shell.name;
        assert_eq!(commands, ["check", "completions", "context", "convert", "critical-path"], "{name}");
        assert_eq!(complete("rollout-trace show --no").unwrap(), ["--no-pager"], "{name}");
        assert_eq!(complete("rollout-trace completions z").unwrap(), ["zsh"], "{name}");
        assert_eq!(complete("rollout-trace convert here --layout p").unwrap(), ["packed"], "{name}");
        let is_path = |words: Vec<String>, path: &str| {
            assert!(matches!(&words[..], [only] if only.trim_end_matches('/') == path), "{name}: {words:?}");
        };
        for command in ["show", "why", "context", "stats", "grep", "payload", "diff", "time"] {
            is_path(complete(&format!("rollout-trace {command} he")).unwrap(), "here");
            let ids = complete(&format!("rollout-trace {command} 019")).unwrap();
            assert_eq!(ids, ["01935f5e-8a00-7000-8000-000000000001"], "{name}");
        }
        is_path(complete("rollout-trace reduce tra").unwrap(), "traces");
        is_path(complete("rollout-trace diff here he").unwrap(), "here");
        assert_eq!(complete("rollout-trace show thread").unwrap(), ["thread-root"], "{name}");
        assert_eq!(complete("rollout-trace show --root nowhere thread").unwrap(), [""; 0], "{name}");
        assert_eq!(complete("rollout-trace show odd").unwrap(), [""; 0], "{name}: no id that is more than a word");
    }
}

#[test]
fn names_that_could_steer_a_terminal_are_not_offered() {
    let root = Root::new(&["hereby"]);
    std::fs::create_dir(root.path(&format!("here{HOSTILE}"))).unwrap();
    for shell in &SHELLS {
        if let Some(words) = shell.complete(&root, "rollout-trace show here") {
            assert!(matches!(&words[..], [only] if only.trim_end_matches('/') == "hereby"), "{words:?}");
        }
    }
}
