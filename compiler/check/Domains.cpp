#include "compiler/check/Domains.h"
namespace heed::elaborate { void completeDomains(Elaborator &, Scheduler const &) {} }
