/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/base/rcu.h"

#if BL_TSAN
char bl_rcu_tsan_tag;
#endif
