//! The steps of a walk as a table.

use std::time::Duration;

/// One step and what came of it.
struct Step {
    what: String,
    answer: String,
    webhook: String,
    took: Duration,
    good: bool,
}

/// The steps of one walk.
#[derive(Default)]
pub(crate) struct Steps {
    steps: Vec<Step>,
}

/// What a step is checked for.
pub(crate) struct Expected<'a> {
    /// What was done.
    pub(crate) what: &'a str,
    /// What the server answered, in a few words.
    pub(crate) answer: String,
    /// The webhook that followed, in a few words.
    pub(crate) webhook: String,
    /// How long the call took.
    pub(crate) took: Duration,
    /// Whether it was as expected.
    pub(crate) good: bool,
}

impl Steps {
    /// Adds a step.
    pub(crate) fn add(&mut self, step: Expected<'_>) {
        let Expected { what, answer, webhook, took, good } = step;
        self.steps.push(Step { what: what.to_owned(), answer, webhook, took, good });
    }

    /// True when every step was as expected.
    pub(crate) fn all_good(&self) -> bool {
        !self.steps.is_empty() && self.steps.iter().all(|step| step.good)
    }

    /// The table.
    pub(crate) fn table(&self) -> String {
        let mut table = comfy_table::Table::new();
        table.load_style(comfy_table::presets::NOTHING);
        table.set_header(["", "step", "answer", "webhook", "time"]);
        for step in &self.steps {
            let mark = if step.good { "ok" } else { "NO" };
            let took = format!("{}.{} ms", step.took.as_millis(), step.took.subsec_micros() % 1000 / 100);
            table.add_row([mark, &step.what, &step.answer, &step.webhook, &took]);
        }
        table.to_string()
    }
}
