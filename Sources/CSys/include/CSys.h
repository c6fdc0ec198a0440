#pragma once
#include "CSysEpoll.h"
#include "CSysTFTP.h"
#include "CSysDatagram.h"
