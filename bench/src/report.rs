//! The table: what was measured, what it is compared with, and whether that is enough.

use std::fmt::Write;

/// One line of the table.
pub(crate) struct Figure {
    what: String,
    measured: String,
    against: String,
    /// None where a figure is for information only.
    enough: Option<bool>,
}

/// All lines so far.
#[derive(Default)]
pub(crate) struct Report {
    figures: Vec<Figure>,
}

impl Report {
    /// A rate that has to reach a share of another rate, both measured once in each round. The ratio is taken within a
    /// round, because the disk is not as fast in one as in the next.
    pub(crate) fn ratio(&mut self, what: &str, rates: &[f64], limits: &[f64], least: f64, limit_name: &str) {
        let ratio = median(rates.iter().zip(limits).map(|(rate, limit)| rate / limit).collect());
        let (rate, limit) = (median(rates.to_vec()), median(limits.to_vec()));
        let measured = format!("{rate:.0}/s = {ratio:.2} of {limit_name} ({limit:.0}/s)");
        self.add(what, measured, format!("at least {least}"), Some(ratio >= least));
    }

    /// A value that has to stay under a limit.
    pub(crate) fn under(&mut self, what: &str, value: f64, most: f64, unit: &str) {
        self.add(what, format!("{value:.1} {unit}"), format!("under {most} {unit}"), Some(value < most));
    }

    /// A rate that has to reach a figure.
    pub(crate) fn over(&mut self, what: &str, rate: f64, least: f64) {
        self.add(what, format!("{rate:.0}/s"), format!("at least {least:.0}/s"), Some(rate >= least));
    }

    /// Something that is told without a limit.
    pub(crate) fn tell(&mut self, what: &str, measured: String) {
        self.add(what, measured, String::new(), None);
    }

    fn add(&mut self, what: &str, measured: String, against: String, enough: Option<bool>) {
        let figure = Figure { what: what.to_owned(), measured, against, enough };
        crate::say(&format!("{:<5} {}: {} {}", figure.mark(), figure.what, figure.measured, figure.against));
        self.figures.push(figure);
    }

    /// The table in Markdown.
    pub(crate) fn table(&self) -> String {
        let mut text = String::from("| What | Measured | Wanted | |\n|---|---|---|---|\n");
        for figure in &self.figures {
            // Writing to a String cannot fail.
            let _ =
                writeln!(text, "| {} | {} | {} | {} |", figure.what, figure.measured, figure.against, figure.mark());
        }
        text
    }
}

impl Figure {
    fn mark(&self) -> &'static str {
        match self.enough {
            Some(true) => "PASS",
            Some(false) => "short",
            None => "",
        }
    }
}

/// The machine, in one line for each thing that matters.
pub(crate) fn machine(folder: &std::path::Path, postgres: &str) -> String {
    let read = |file: &str| std::fs::read_to_string(file).unwrap_or_default();
    let processor = read("/proc/cpuinfo");
    let model = processor.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
    let memory = read("/proc/meminfo");
    let memory = memory.lines().find_map(|line| line.strip_prefix("MemTotal:")).unwrap_or_default();
    let kilobytes: u64 = memory.split_whitespace().next().and_then(|text| text.parse().ok()).unwrap_or(0);
    let disk = std::process::Command::new("df").args(["-PT".as_ref(), folder.as_os_str()]).output();
    let disk = disk.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    let mut disk = disk.lines().nth(1).unwrap_or_default().split_whitespace();
    format!(
        "- {} cores of {}, shared by the load generator, Sala and PostgreSQL; {} GB of memory\n\
         - Linux {}; disk {} ({})\n- PostgreSQL {postgres}; SQLite {}\n",
        std::thread::available_parallelism().map_or(0, usize::from),
        model.trim_start_matches(['\t', ' ', ':']).trim(),
        (kilobytes + 512 * 1024) / (1024 * 1024),
        read("/proc/sys/kernel/osrelease").trim(),
        disk.next().unwrap_or("unknown"),
        disk.next().unwrap_or("unknown"),
        rusqlite::version(),
    )
}

/// The middle one of several values, which a stall of the disk in one round does not move.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
