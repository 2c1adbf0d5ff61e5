//! Losing power at every step: nothing acknowledged is lost, nothing torn, nothing invented. And
//! the control: without any one of the syncs, something is.

mod model;
mod story;

use model::{Dice, Faults};
use spool::fs::Site;
use story::{fault, tell};

/// Disks looked at for each moment, where there are more.
const DISKS: usize = 64;
/// The same where every moment is told once for each earlier trouble.
const DISKS_AFTER_TROUBLE: usize = 8;

/// Lets the power go before each operation; counts the disks looked at, and gives the first fault.
fn power_goes(faults: Faults, dice: &mut Dice) -> (usize, Option<String>) {
    let trouble = faults.kill_at.or(faults.fail_at);
    let limit = if trouble.is_some() { DISKS_AFTER_TROUBLE } else { DISKS };
    let mut disks = 0;
    // Before the trouble it is the same as without.
    for (at, moment) in tell(faults).iter().enumerate().skip(trouble.unwrap_or(0)) {
        let mut first = None;
        disks += moment.platter.crashes(limit, dice, |disk| {
            if first.is_none() {
                first = fault(disk, moment).map(|fault| format!("{faults:?} at {at}: {fault}"));
            }
        });
        if first.is_some() {
            return (disks, first);
        }
    }
    (disks, None)
}

fn dice() -> Dice {
    let seed = std::env::var("DOVETAIL_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or(0x5eed_cafe_f00d_1234);
    println!("DOVETAIL_SEED={seed}");
    Dice(seed)
}

#[test]
fn nothing_acknowledged_is_lost_when_the_power_goes() {
    let (disks, fault) = power_goes(Faults::default(), &mut dice());
    println!("{disks} disks");
    assert_eq!(fault, None);
}

#[test]
fn nor_when_the_process_was_killed_before() {
    let mut dice = dice();
    let total = tell(Faults::default()).len();
    let mut disks = 0;
    for kill_at in 0..total {
        let faults = Faults { kill_at: Some(kill_at), ..Faults::default() };
        let (more, fault) = power_goes(faults, &mut dice);
        disks += more;
        assert_eq!(fault, None);
    }
    println!("{disks} disks");
    assert!(disks >= 20_000, "{disks}");
}

#[test]
fn nor_when_an_operation_failed_before() {
    let mut dice = dice();
    let total = tell(Faults::default()).len();
    for fail_at in 0..total {
        let faults = Faults { fail_at: Some(fail_at), ..Faults::default() };
        let (_, fault) = power_goes(faults, &mut dice);
        assert_eq!(fault, None);
    }
}

#[test]
fn without_any_one_sync_something_is_lost() {
    let mut dice = dice();
    let total = tell(Faults::default()).len();
    for site in Site::ALL {
        let skip = Faults { skip: Some(site), ..Faults::default() };
        let (_, mut found) = power_goes(skip, &mut dice);
        for kill_at in 0..total {
            if found.is_some() {
                break;
            }
            found = power_goes(Faults { kill_at: Some(kill_at), ..skip }, &mut dice).1;
        }
        let found = found.unwrap_or_else(|| panic!("nothing is lost without {site:?}"));
        println!("without {site:?}: {found}");
    }
}
