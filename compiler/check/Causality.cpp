#include "compiler/check/Causality.h"
namespace heed::elaborate { void checkCausality(Elaborator &, Scheduler const &) {} }
