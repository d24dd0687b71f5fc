//! ARM's Power State Coordination Interface: how cores are started and the machine is switched off where there is firmware for it (QEMU
//! `virt`). Source: PSCI 1.1, DEN 0022, whose function names are used below.
//!
//! The instruction is the kernel's: its `arch` implements [`Conduit`] with HVC or SMC, as the devicetree's `/psci` node says
//! (`method`), by the SMC Calling Convention (DEN 0028: x0–x3 in, x0 out, x4–x17 are lost). Never on a Raspberry Pi 3: it has no
//! such firmware.

/// Functions, by their SMC64 numbers where there is one, else SMC32.
const PSCI_VERSION: u32 = 0x8400_0000;
const CPU_ON: u32 = 0xC400_0003;
const SYSTEM_OFF: u32 = 0x8400_0008;
const SYSTEM_RESET: u32 = 0x8400_0009;

/// The instruction that reaches the firmware.
pub trait Conduit {
    /// Calls `function` with three arguments; what x0 holds afterwards.
    fn call(&self, function: u32, arguments: [u64; 3]) -> u64;
}

/// Why the firmware refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PsciError {
    /// NOT_SUPPORTED.
    NotSupported,
    /// INVALID_PARAMETERS: there is no such core.
    InvalidParameters,
    /// DENIED.
    Denied,
    /// ALREADY_ON.
    AlreadyOn,
    /// ON_PENDING: it was started before and has not arrived yet.
    OnPending,
    /// INTERNAL_FAILURE.
    InternalFailure,
    /// NOT_PRESENT.
    NotPresent,
    /// DISABLED.
    Disabled,
    /// INVALID_ADDRESS: the entry point is in no memory that a core can start from.
    InvalidAddress,
    /// A number that the specification does not have.
    Unknown(i32),
}

impl PsciError {
    const fn from_code(code: i32) -> Self {
        match code {
            -1 => Self::NotSupported,
            -2 => Self::InvalidParameters,
            -3 => Self::Denied,
            -4 => Self::AlreadyOn,
            -5 => Self::OnPending,
            -6 => Self::InternalFailure,
            -7 => Self::NotPresent,
            -8 => Self::Disabled,
            -9 => Self::InvalidAddress,
            other => Self::Unknown(other),
        }
    }
}

/// What version of the interface the firmware speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// 0 or 1.
    pub major: u16,
    /// Its revision.
    pub minor: u16,
}

/// The firmware behind a conduit.
#[derive(Clone, Copy, Debug)]
pub struct Psci<C> {
    conduit: C,
}

impl<C: Conduit> Psci<C> {
    /// The firmware behind this conduit.
    pub const fn new(conduit: C) -> Self {
        Self { conduit }
    }

    /// Which version it is.
    ///
    /// # Errors
    /// What the firmware says; [`PsciError::NotSupported`] if there is none behind the conduit.
    pub fn version(&self) -> Result<Version, PsciError> {
        let code = self.call(PSCI_VERSION, [0; 3]);
        if code < 0 {
            return Err(PsciError::from_code(code));
        }
        let [m1, m0, n1, n0] = code.to_be_bytes();
        Ok(Version { major: u16::from_be_bytes([m1, m0]), minor: u16::from_be_bytes([n1, n0]) })
    }

    /// Starts the core whose affinity is that of `mpidr` (a value of MPIDR_EL1) at the physical address `entry`, at the caller's exception
    /// level, MMU off, with `context` in its x0 (CPU_ON). All that it reads before its MMU is on must be clean to the point of
    /// coherency.
    ///
    /// # Errors
    /// What the firmware says.
    pub fn start_core(&self, mpidr: u64, entry: u64, context: u64) -> Result<(), PsciError> {
        const AFFINITY: u64 = 0xFF_00FF_FFFF;
        match self.call(CPU_ON, [mpidr & AFFINITY, entry, context]) {
            0 => Ok(()),
            code => Err(PsciError::from_code(code)),
        }
    }

    /// Switches the machine off (SYSTEM_OFF). Comes back only if the firmware refused.
    pub fn power_off(&self) -> PsciError {
        PsciError::from_code(self.call(SYSTEM_OFF, [0; 3]))
    }

    /// Resets the machine (SYSTEM_RESET). Comes back only if the firmware refused.
    pub fn reset(&self) -> PsciError {
        PsciError::from_code(self.call(SYSTEM_RESET, [0; 3]))
    }

    /// Results are 32 bits wide, signed.
    #[expect(clippy::cast_possible_truncation, reason = "the upper half means nothing")]
    fn call(&self, function: u32, arguments: [u64; 3]) -> i32 {
        self.conduit.call(function, arguments) as i32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Firmware that expects one call and has one answer.
    struct Firmware {
        function: u32,
        arguments: [u64; 3],
        answer: u64,
    }

    impl Conduit for Firmware {
        fn call(&self, function: u32, arguments: [u64; 3]) -> u64 {
            assert_eq!((function, arguments), (self.function, self.arguments));
            self.answer
        }
    }

    fn firmware(function: u32, arguments: [u64; 3], answer: u64) -> Psci<Firmware> {
        Psci::new(Firmware { function, arguments, answer })
    }

    #[test]
    fn a_version_is_two_halves_of_a_word() {
        assert_eq!(firmware(0x8400_0000, [0; 3], 0x0001_0001).version(), Ok(Version { major: 1, minor: 1 }));
    }

    #[test]
    fn a_core_is_named_by_its_affinity_alone() {
        let call = [0x01_0002_0003, 0x4008_0000, 7];
        assert_eq!(firmware(0xC400_0003, call, 0).start_core(0x01_8002_0003, 0x4008_0000, 7), Ok(()));
    }

    #[test]
    fn every_refusal_has_its_name_even_with_a_zero_upper_half() {
        let refusals = [
            PsciError::NotSupported,
            PsciError::InvalidParameters,
            PsciError::Denied,
            PsciError::AlreadyOn,
            PsciError::OnPending,
            PsciError::InternalFailure,
            PsciError::NotPresent,
            PsciError::Disabled,
            PsciError::InvalidAddress,
            PsciError::Unknown(-10),
        ];
        for (code, refusal) in (1u32..).zip(refusals) {
            let answer = u64::from(code.wrapping_neg());
            assert_eq!(firmware(0xC400_0003, [1, 0, 0], answer).start_core(1, 0, 0), Err(refusal));
        }
    }

    #[test]
    fn a_machine_that_stays_on_says_why() {
        assert_eq!(firmware(0x8400_0008, [0; 3], u64::MAX).power_off(), PsciError::NotSupported);
        assert_eq!(firmware(0x8400_0009, [0; 3], u64::MAX).reset(), PsciError::NotSupported);
    }
}
