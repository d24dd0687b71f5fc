//! The chip's [model], plugged in: its toggles.

use std::boxed::Box;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Answer, Plugged};
use crate::usb::request::Setup;
use crate::usb::smsc95xx::model::{self, IN, Model, OUT, PACKET};

struct FakeLan9514 {
    address: u8,
    toggles: [bool; 2],
    model: Arc<Mutex<Model>>,
}

/// A chip in which things go wrong as a seed says, and its model.
pub fn plugged(seed: Option<u64>) -> (Box<dyn Plugged>, Arc<Mutex<Model>>) {
    let model = Arc::new(Mutex::new(Model::new(seed)));
    (Box::new(FakeLan9514 { address: 0, toggles: [false; 2], model: Arc::clone(&model) }), model)
}

/// The model, whoever failed while he held it.
pub fn held(model: &Mutex<Model>) -> MutexGuard<'_, Model> {
    model.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Plugged for FakeLan9514 {
    fn address(&mut self) -> &mut u8 {
        &mut self.address
    }

    fn ask(&mut self, setup: Setup) -> Answer {
        match setup {
            _ if setup == Setup::configuration(1) => self.toggles = [false; 2],
            _ if setup == Setup::clear_halt(IN, true) => self.toggles[1] = false,
            _ if setup == Setup::clear_halt(OUT, false) => self.toggles[0] = false,
            _ => {}
        }
        self.give(setup, &[])
    }

    fn give(&mut self, setup: Setup, data: &[u8]) -> Answer {
        held(&self.model).request(setup, data)
    }

    fn toggle(&mut self, endpoint: u8, is_in: bool) -> &mut bool {
        assert_eq!(endpoint, if is_in { model::IN } else { model::OUT });
        &mut self.toggles[usize::from(is_in)]
    }

    fn bulk(&mut self, _: u8, sent: Option<&[u8]>) -> Answer {
        let mut model = held(&self.model);
        match sent {
            Some(sent) => model.take(sent),
            None => model.give(PACKET),
        }
    }
}
