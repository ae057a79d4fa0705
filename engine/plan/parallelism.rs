//! Which targets can use several cores at a time, so that a server with one core hides what that gains them.

use crate::key::settings::Settings;
use crate::results::cell::Planned;
use crate::stack::STACKS;

/// What cannot show where the server has so many cores, as a clause; none where it has several, or the targets are alike.
pub fn hidden<'a>(targets: impl IntoIterator<Item = &'a Planned>, cores: usize) -> Option<String> {
    let (mut several, mut one): (Vec<&str>, Vec<&str>) = (Vec::new(), Vec::new());
    // Of a server of the user's own nobody knows.
    for target in targets.into_iter().filter(|target| target.settings.get("server").is_some()) {
        let side = if uses_several(&target.settings) { &mut several } else { &mut one };
        if !side.contains(&target.target.as_str()) {
            side.push(&target.target);
        }
    }
    (cores == 1 && !several.is_empty() && !one.is_empty()).then(|| {
        let (several, one) = (few(&several), few(&one));
        format!("with one core for the server it cannot show that {several} can use several at a time, and {one} not")
    })
}

/// True where a target executes calls on several cores at a time, if it has them.
fn uses_several(target: &Settings) -> bool {
    let word = |name: &str| target.get(name).and_then(|it| it.as_word()).unwrap_or_default();
    let workers = target.get("workers").and_then(|count| count.count());
    let one_worker = workers == Some(1);
    match word("server") {
        "async" => workers.is_some_and(|workers| workers > 1),
        "pooled" | "preforked" if one_worker => false,
        // One thread at a time holds the interpreter.
        "threaded" | "pooled" => !STACKS.iter().any(|stack| stack.name() == word("stack") && stack.interpreted()),
        _ => true,
    }
}

/// The first names of a long list, and how many more there are.
fn few(names: &[&str]) -> String {
    const SHOWN: usize = 3;
    let shown: Vec<String> = names.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
    match names.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::hidden;
    use crate::plan::Plan;
    use crate::scenario::read;

    fn told(targets: &str, cores: usize) -> Option<String> {
        let text = format!(
            "title: t\nquestion: q\ntargets: [{targets}]\nworkloads: [{{name: w, call: ping, iterations: 1}}]\n"
        );
        let plan = Plan::of(&read("test.yaml", &text, &[]).expect("a scenario"));
        hidden(plan.cells.iter().map(|cell| &cell.planned), cores)
    }

    #[test]
    fn one_core_hides_what_several_would_gain_some_targets() {
        let said = "with one core for the server it cannot show that `tcp-threaded`, `tcp-forking` can use several at a \
                    time, and `tcp-async` not";
        let models = "{transport: tcp, server: [threaded, async, forking]}";
        assert_eq!(told(models, 1).as_deref(), Some(said));
        assert_eq!(told(models, 2), None);
        assert_eq!(told("{transport: [tcp, http1], server: [threaded, forking]}", 1), None, "all can");
        let python = told("{transport: rpyc, server: [threaded, forking], stack: python}", 1);
        assert!(python.is_some_and(|said| said.contains("and `rpyc-threaded-python-stack` not")));
        let workers = told("{transport: tcp, server: pooled, options: {workers: [1, 4]}}", 1);
        assert!(
            workers.is_some_and(|said| said.contains("`tcp-pooled-workers=4` can") && said.contains("workers=1` not"))
        );
        let threads = told("{transport: tcp, server: async, options: {workers: [1, 2]}}", 1);
        assert!(threads.is_some_and(|said| said.contains("`tcp-async-workers=2` can")));
    }
}
