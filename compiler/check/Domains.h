// Domains.h - completes the domains of a scheduled program and proves that its reads are inside.
#pragma once

#include "compiler/check/Schedule.h"

namespace heed::elaborate {

/// Every definition gets its whole domain (its `where` and the definedness of what it reads), every reduction too;
/// reads are proved to be inside their axes or reported; results must be defined everywhere.
void completeDomains(Elaborator &elaborator, Scheduler const &scheduler);

} // namespace heed::elaborate
