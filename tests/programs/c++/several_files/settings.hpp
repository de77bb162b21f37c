#pragma once
constexpr double RADIUS = 1.5;
