//! Reminders of tasks: an event at the time that the task names.

use db::Conn;

use super::row::{Row, key};
use crate::app::App;
use crate::event::{self, Event};
use crate::http::Error;
use crate::job::{self, Job, Kind, Next};
use crate::record::{self, Record};

/// Asks for the reminder of a task. Each time has a job of its own: one that is not the task's any more does nothing.
pub(super) async fn ask(tx: &mut Conn, row: &Row) -> Result<(), Error> {
    if let Some(at) = row.remind_at {
        job::enqueue(tx, row.company, Kind::Remind, &format!("task:{}:{at}", row.number), at).await?;
    }
    Ok(())
}

/// Job: reminds of a task that is still to be done.
pub(crate) async fn run(app: &App, job: &Job) -> Result<Next, Error> {
    // A number may have a colon in it, a time has none.
    let named = job.key.strip_prefix("task:").and_then(|rest| rest.rsplit_once(':'));
    let Some((number, at)) = named else { return Ok(Next::Done) };
    app.db
        .write(async |mut tx| {
            let held = tx
                .rows::<Row>("task")
                .push(" where company = $1 and number_key = $2 and deleted_at is null")
                .bind(job.company)
                .bind(key(number));
            let row: Option<Row> = held.held().optional().await?;
            let due = row.filter(|row| {
                !row.status.is_closed() && row.remind_at.is_some_and(|remind_at| remind_at.to_string() == at)
            });
            if let Some(row) = due {
                let (subject, place) = (record::reference(&row), row.head().version);
                let view = record::view(&mut tx, row).await?;
                let body = event::body(Row::TOPIC, "Reminder", Row::TOPIC, &view)?;
                let event = Event {
                    company: job.company,
                    topic: Row::TOPIC,
                    name: "Reminder",
                    subject: &subject,
                    place,
                    body,
                    at: app.now(),
                };
                event::emit(&mut tx, &event).await?;
            }
            job::finish(&mut tx, job, app.now()).await?;
            Ok::<_, Error>(())
        })
        .await?;
    Ok(Next::Finished)
}
