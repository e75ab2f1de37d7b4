//! What the clients know: every call before it is sent and every answer when
//! it came, synced to disk by the clients themselves.

use std::collections::HashMap;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::sandbox::{Client, Dialect, RefundCall, Reply, Sandbox};

/// Clients that check the journal.
const CHECKERS: usize = 16;

/// One call and what became of it.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    /// Index among [`Dialect::all`].
    pub(crate) dialect: usize,
    pub(crate) call: RefundCall,
    /// The answer, where one came.
    pub(crate) answer: Option<Reply>,
}

impl Entry {
    /// The refund was acknowledged.
    pub(crate) fn acknowledged(&self) -> Option<&Reply> {
        self.answer.as_ref().filter(|answer| answer.status == 201)
    }
}

/// The journal of all clients.
#[derive(Debug)]
pub(crate) struct Journal {
    file: Mutex<File>,
    entries: Mutex<Vec<Entry>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Journal {
    pub(crate) fn open(path: &Path) -> Result<Arc<Self>> {
        let file = File::options().create(true).append(true).open(path).context("the clients' journal")?;
        Ok(Arc::new(Self { file: Mutex::new(file), entries: Mutex::default() }))
    }

    fn line(&self, text: &str) -> Result<()> {
        let mut file = lock(&self.file);
        file.write_all(text.as_bytes())?;
        Ok(file.sync_data()?)
    }

    /// Notes a call before it is sent; the number names it.
    pub(crate) fn sent(&self, dialect: usize, call: &RefundCall) -> Result<usize> {
        self.line(&format!("sent {dialect} {} {} {}\n", call.key, call.payment, call.amount))?;
        let mut entries = lock(&self.entries);
        entries.push(Entry { dialect, call: call.clone(), answer: None });
        Ok(entries.len() - 1)
    }

    /// Notes the answer.
    pub(crate) fn answered(&self, number: usize, answer: Reply) -> Result<()> {
        let id = answer.json().ok().and_then(|body| Some(body["id"].as_str()?.to_owned()));
        self.line(&format!("answer {number} {} {}\n", answer.status, id.unwrap_or_default()))?;
        lock(&self.entries)[number].answer = Some(answer);
        Ok(())
    }

    pub(crate) fn entries(&self) -> Vec<Entry> {
        lock(&self.entries).clone()
    }

    /// Minor units acknowledged per payment, counting each key once.
    pub(crate) fn acknowledged_sums(&self) -> HashMap<String, u64> {
        let mut sums = HashMap::new();
        for entry in self.entries().iter().filter(|entry| entry.acknowledged().is_some()) {
            *sums.entry(entry.call.payment.clone()).or_default() += entry.call.amount;
        }
        sums
    }

    /// Checks every entry from `from` on against a running server: what was
    /// acknowledged is there with the same content and its key gives the same
    /// bytes; what was not answered is asked again and noted. Tells how many
    /// acknowledged refunds are missing or differ, with the first of them.
    pub(crate) async fn compare(self: &Arc<Self>, sandbox: &Sandbox, from: usize) -> Result<Comparison> {
        let dialects = Dialect::all(sandbox.credentials())?;
        let entries = self.entries();
        let mut tasks = Vec::new();
        for checker in 0..CHECKERS {
            let own: Vec<(usize, Entry)> =
                entries.iter().cloned().enumerate().skip(from + checker).step_by(CHECKERS).collect();
            let (journal, dialects) = (Arc::clone(self), dialects.clone());
            let client = sandbox.client().await?;
            tasks.push(tokio::spawn(async move { journal.compare_some(client, &dialects, own).await }));
        }
        let mut whole = Comparison::default();
        for task in tasks {
            whole.add(task.await.context("a checker's task")??);
        }
        Ok(whole)
    }

    async fn compare_some(
        &self,
        mut client: Client,
        dialects: &[Dialect],
        own: Vec<(usize, Entry)>,
    ) -> Result<Comparison> {
        let mut seen = Comparison::default();
        for (number, entry) in own {
            let dialect = &dialects[entry.dialect];
            match (&entry.answer, entry.acknowledged()) {
                (None, _) => {
                    let answer = again(&mut client, dialect, &entry.call).await?;
                    ensure!(answer.status < 500, "a repeated call of {}: {answer}", entry.call.key);
                    self.answered(number, answer)?;
                    seen.repeated_count += 1;
                }
                (Some(_), None) => seen.refused_count += 1,
                (Some(_), Some(answer)) => match difference(&mut client, dialect, &entry, answer).await? {
                    None => seen.found_count += 1,
                    Some(text) => {
                        seen.lost_count += 1;
                        seen.first_lost.get_or_insert(text);
                    }
                },
            }
        }
        Ok(seen)
    }
}

/// What a comparison found.
#[derive(Debug, Default)]
pub(crate) struct Comparison {
    /// Acknowledged, there, and the same.
    pub(crate) found_count: usize,
    /// Acknowledged, and missing or different.
    pub(crate) lost_count: usize,
    pub(crate) first_lost: Option<String>,
    /// Refused at the time; nothing to look for.
    pub(crate) refused_count: usize,
    /// Not answered at the time, asked again now.
    pub(crate) repeated_count: usize,
}

impl Comparison {
    fn add(&mut self, other: Self) {
        self.found_count += other.found_count;
        self.lost_count += other.lost_count;
        self.first_lost = self.first_lost.take().or(other.first_lost);
        self.refused_count += other.refused_count;
        self.repeated_count += other.repeated_count;
    }

    /// Nothing acknowledged may be missing.
    pub(crate) fn nothing_lost(&self) -> Result<()> {
        let first = self.first_lost.as_deref().unwrap_or_default();
        ensure!(self.lost_count == 0, "{} acknowledged refunds lost or changed, the first: {first}", self.lost_count);
        Ok(())
    }
}

/// Sends a call, or sends it again.
pub(crate) async fn again(client: &mut Client, dialect: &Dialect, call: &RefundCall) -> Result<Reply> {
    let body = dialect.body(call);
    client.send(dialect.request(call, &body)).await
}

/// How the server's view differs from the acknowledgement.
async fn difference(client: &mut Client, dialect: &Dialect, entry: &Entry, answer: &Reply) -> Result<Option<String>> {
    let told = answer.json()?;
    let id = told["id"].as_str().context("an acknowledged refund without an id")?;
    let name = format!("{} {} (refund {id})", dialect.name, entry.call.key);
    let shown = client.refund(dialect, id).await?;
    if shown.status != 200 {
        return Ok(Some(format!("{name}: GET answers {shown}")));
    }
    let fixed = |body: &Value| dialect.fixed(body);
    if fixed(&shown.json()?) != fixed(&told) {
        return Ok(Some(format!("{name}: told {answer}, now {shown}")));
    }
    let replay = again(client, dialect, &entry.call).await?;
    if replay != *answer {
        return Ok(Some(format!("{name}: told {answer}, the same key now {replay}")));
    }
    Ok(None)
}
