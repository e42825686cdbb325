// SPDX-License-Identifier: Apache-2.0
// As src/pch.h, for the unit tests.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pch.h"
