/* The robot around the example several.c: gives it an IMU and a throttle until its motor follows both, then stops it. */
#include "mclw.h"

int main(void)
{
    const double gyro[3] = {0, 0, 2};
    mclw_auto_buffer packed = MCLW_BUFFER_INIT, buffer = MCLW_BUFFER_INIT;
    mclw_auto_broadcaster imu = mclw_broadcast("ff15::1", 26000, NULL);
    mclw_auto_broadcaster commands = mclw_broadcast("ff15::2", 26000, NULL);
    mclw_auto_listener motor = mclw_listen("ff15::3", 26000, "motor");
    mcl_received record;
    int result;

    mclw_pack_map(&packed, 1), mclw_pack_string(&packed, "gyro"), mclw_pack_doubles(&packed, gyro, 3);
    do { /* again, since it may not be listening yet */
        if (mclw_publish_buffer(imu, NULL, &packed) < 0 || mclw_publish_double(commands, "throttle", 5.0) < 0)
            return 1;
        result = mclw_recv(motor, 20, &record, &buffer);
    } while (result == 0 || (result > 0 && mclw_read_double(&record, NULL, 0.0) != 5.0 - 0.1 * 2.0));
    if (result < 0)
        return 1;
    return mclw_publish_nil(commands, "stop") < 0;
}
