#pragma once
#include "CSysEpoll.h"
#include "CSysLink.h"
#include "CSysTFTP.h"
#include "CSysDatagram.h"
#include "CSysSegment.h"
#include "CSysIPv6.h"
