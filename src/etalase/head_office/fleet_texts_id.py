"""Lists the texts of the fleet in Indonesian."""

from typing import Final

TEXTS: Final[dict[str, str]] = {
    "fleet_cause_overdue": "Sudah berjanji melapor, tetapi tidak melapor. Jaringan, listrik, atau server tokonya mati.",
    "fleet_cause_two_edges": "Dua server melapor untuk toko ini. Matikan salah satu.",
    "fleet_cause_cloned": "Dua mesin melapor sebagai server yang sama: satu adalah salinan. Matikan salinannya.",
    "fleet_cause_challenge_failed": "Tidak dapat membuktikan bahwa isi sebuah foto ada padanya. Foto itu hilang atau "
    "berubah di disk atau bucket toko.",
    "fleet_cause_damaged": "Foto yang rusak di disk atau bucket toko: {photos}.",
    "fleet_cause_owed": "Foto yang tidak dapat dimuat: {photos}. Sebabnya ada di daftar gangguan di bawah.",
    "fleet_cause_parked": "Foto yang menunggu produknya dari menu toko sendiri: {photos}.",
    "fleet_cause_different": "Fotonya berbeda dari daftar kantor pusat, padahal tidak ada perubahan sejak "
    "sinkronisasi terakhirnya.",
    "fleet_cause_held": "Penghapusan yang menunggu persetujuan orang di toko: {photos}.",
    "fleet_cause_loading": "Sedang memuat. Foto yang masih di jalan: {photos}.",
    "fleet_cause_changed": "Kantor pusat mengubah sesuatu; toko mengambilnya pada sinkronisasi berikutnya.",
    "fleet_cause_checkpoint_ahead": "Sinkronisasi terakhirnya lebih baru daripada jam kantor pusat, seperti setelah "
    "kantor pusat dipulihkan.",
    "fleet_cause_not_looked": "Belum memeriksa foto-fotonya.",
    "fleet_cause_not_proved": "Mengaku memiliki semua foto, tetapi belum membuktikannya dalam 24 jam terakhir.",
    "fleet_side_head_office_data": "kantor pusat: data",
    "fleet_side_head_office_object": "kantor pusat: berkas gambar",
    "fleet_side_link": "jaringan ke toko",
    "fleet_side_store": "toko: disk, bucket, atau pengaturan",
    "fleet_side_product_feed": "menu toko sendiri",
}
