//! How bad an export is, from what it is, whether it may, how it is protected and how odd it
//! is.
//!
//! A starting level follows from what the data is and what the register says. Poor protection
//! of what needs it sets a floor, and oddness adds to it. Worse in one way is never less bad.

use super::terms::Severity;

/// What the data is, at its most sensitive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sensitivity {
    /// Nobody has said, and nothing was seen.
    Unknown,
    /// Declared, and none of the kinds below.
    General,
    /// About persons.
    Personal,
    /// About persons, and sensitive.
    SensitivePersonal,
    /// Important data.
    Important,
    /// Core data of the state.
    Core,
}

/// What the register says, from the best to the worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Approval {
    /// An approval covers it.
    Covered,
    /// There is none.
    None,
    /// There is one for other exports.
    OutsideScope,
    /// There is one, and more has gone than it allows.
    OverQuota,
}

/// How it is protected on its way, from the best to the worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cover {
    /// Well, as far as is seen, or it cannot be told.
    SoundOrUnseen,
    /// By what is advised against (RFC 9325).
    Weak,
    /// Not at all.
    Clear,
}

/// How odd it is for its asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Oddness {
    /// Not.
    Normal,
    /// As rare as one day in a thousand.
    Rare,
    /// As rare, and to a country of concern to a pack.
    RareToConcern,
}

/// All that severity follows from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Weighing {
    /// What it is.
    pub sensitivity: Sensitivity,
    /// Whether it may.
    pub approval: Approval,
    /// How it is protected.
    pub cover: Cover,
    /// How odd it is.
    pub oddness: Oddness,
}

/// How bad an export is.
pub fn severity(of: Weighing) -> Severity {
    let level = of.base().max(of.floor());
    let steps = match of.oddness {
        Oddness::Normal => 0,
        Oddness::Rare => 1,
        Oddness::RareToConcern => 2,
    };
    (0..steps).fold(level, |level, _| level.raised())
}

impl Weighing {
    /// By what it is and whether it may.
    const fn base(self) -> Severity {
        use Sensitivity::{Core, General, Important, Personal, SensitivePersonal, Unknown};
        match (self.sensitivity, self.approval) {
            (Core, _) => Severity::Critical,
            (_, Approval::Covered) => Severity::Info,
            (Important, _) => Severity::Critical,
            (_, Approval::OverQuota) | (SensitivePersonal, Approval::OutsideScope) => {
                Severity::High
            }
            (SensitivePersonal, Approval::None) | (_, Approval::OutsideScope) => Severity::Medium,
            (Personal, Approval::None) => Severity::Low,
            (General | Unknown, Approval::None) => Severity::Info,
        }
    }

    /// What poor protection makes it at least.
    const fn floor(self) -> Severity {
        use Sensitivity::{Core, General, Important, Personal, SensitivePersonal, Unknown};
        match (self.cover, self.sensitivity) {
            (Cover::SoundOrUnseen, _) | (_, Unknown | General) => Severity::Info,
            (Cover::Clear, SensitivePersonal | Important | Core) => Severity::High,
            (Cover::Clear, Personal) | (Cover::Weak, SensitivePersonal | Important | Core) => {
                Severity::Medium
            }
            (Cover::Weak, Personal) => Severity::Low,
        }
    }
}

impl Severity {
    /// One level worse.
    const fn raised(self) -> Self {
        match self {
            Self::Info => Self::Low,
            Self::Low => Self::Medium,
            Self::Medium => Self::High,
            Self::High | Self::Critical => Self::Critical,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENSITIVITIES: [Sensitivity; 6] = [
        Sensitivity::Unknown,
        Sensitivity::General,
        Sensitivity::Personal,
        Sensitivity::SensitivePersonal,
        Sensitivity::Important,
        Sensitivity::Core,
    ];
    const APPROVALS: [Approval; 4] = [
        Approval::Covered,
        Approval::None,
        Approval::OutsideScope,
        Approval::OverQuota,
    ];
    const COVERS: [Cover; 3] = [Cover::SoundOrUnseen, Cover::Weak, Cover::Clear];
    const ODDNESSES: [Oddness; 3] = [Oddness::Normal, Oddness::Rare, Oddness::RareToConcern];

    fn of(
        sensitivity: Sensitivity,
        approval: Approval,
        cover: Cover,
        oddness: Oddness,
    ) -> Severity {
        severity(Weighing {
            sensitivity,
            approval,
            cover,
            oddness,
        })
    }

    #[test]
    fn the_table_is_as_written() {
        use Approval::{Covered, None, OutsideScope, OverQuota};
        use Cover::{Clear, SoundOrUnseen, Weak};
        use Oddness::{Normal, Rare, RareToConcern};
        use Sensitivity::{Core, General, Important, Personal, SensitivePersonal, Unknown};
        use Severity::{Critical, High, Info, Low, Medium};
        let table = [
            (Core, Covered, SoundOrUnseen, Normal, Critical),
            (Important, None, SoundOrUnseen, Normal, Critical),
            (Important, Covered, SoundOrUnseen, Normal, Info),
            (Important, Covered, Clear, Normal, High),
            (SensitivePersonal, Covered, Clear, Normal, High),
            (SensitivePersonal, None, Clear, Normal, High),
            (SensitivePersonal, Covered, Weak, Normal, Medium),
            (SensitivePersonal, None, SoundOrUnseen, Normal, Medium),
            (SensitivePersonal, OutsideScope, SoundOrUnseen, Normal, High),
            (Personal, Covered, SoundOrUnseen, Normal, Info),
            (Personal, None, SoundOrUnseen, Normal, Low),
            (Personal, Covered, Clear, Normal, Medium),
            (Personal, OutsideScope, SoundOrUnseen, Normal, Medium),
            (General, OverQuota, SoundOrUnseen, Normal, High),
            (General, None, Clear, Normal, Info),
            (General, Covered, SoundOrUnseen, Rare, Low),
            (Unknown, None, SoundOrUnseen, Normal, Info),
            (Unknown, None, SoundOrUnseen, Rare, Low),
            (Unknown, None, SoundOrUnseen, RareToConcern, Medium),
            (SensitivePersonal, None, Clear, RareToConcern, Critical),
        ];
        for (sensitivity, approval, cover, oddness, expected) in table {
            let said = of(sensitivity, approval, cover, oddness);
            assert_eq!(
                said, expected,
                "{sensitivity:?} {approval:?} {cover:?} {oddness:?}"
            );
        }
    }

    #[test]
    fn worse_in_one_way_is_never_less_bad() {
        for sensitivity in SENSITIVITIES {
            for approval in APPROVALS {
                for cover in COVERS {
                    for oddness in ODDNESSES {
                        let level = of(sensitivity, approval, cover, oddness);
                        let worse = SENSITIVITIES.into_iter().filter(|one| *one >= sensitivity);
                        assert!(
                            worse.map(|one| of(one, approval, cover, oddness)).min() >= Some(level)
                        );
                        let worse = APPROVALS.into_iter().filter(|one| *one >= approval);
                        assert!(
                            worse.map(|one| of(sensitivity, one, cover, oddness)).min()
                                >= Some(level)
                        );
                        let worse = COVERS.into_iter().filter(|one| *one >= cover);
                        assert!(
                            worse
                                .map(|one| of(sensitivity, approval, one, oddness))
                                .min()
                                >= Some(level)
                        );
                        let worse = ODDNESSES.into_iter().filter(|one| *one >= oddness);
                        assert!(
                            worse.map(|one| of(sensitivity, approval, cover, one)).min()
                                >= Some(level)
                        );
                    }
                }
            }
        }
    }
}
