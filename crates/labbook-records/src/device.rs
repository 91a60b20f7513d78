use std::fs;

use tch::{Cuda, Device};

/// A device in words: what a reader compares times by.
#[must_use]
pub fn device_description(device: Device) -> String {
    let threads = match tch::get_num_threads() {
        1 => "1 thread".to_owned(),
        threads => format!("{threads} threads"),
    };
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(':'))
        .map_or("unknown CPU", |(_, name)| name.trim());
    match device {
        Device::Cuda(index) => format!("CUDA device {index} of {}", Cuda::device_count()),
        _ => format!("CPU, {model}, {threads}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_processor_comes_with_its_threads() {
        let text = device_description(Device::Cpu);
        let threads = format!(", {} thread", tch::get_num_threads());
        assert!(
            text.starts_with("CPU, ") && text.contains(&threads),
            "{text}"
        );
    }
}
