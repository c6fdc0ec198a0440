# Gantry: bare metal as a cloud.
# SPDX-License-Identifier: Apache-2.0
